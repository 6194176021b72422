"""The buttons under a picture."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

import discord
from discord import ui

from bot.kit import Feature, Interaction
from bot.texts import Texts, _
from bot.ui.buttons import PersistentItem, custom_id, template
from bot.ui.container import row_of
from common.logs import add_log_ids

IN_A_ROW = 5


class Action(StrEnum):
    """What a button does; the value is part of the custom_id, so it must never change."""

    AGAIN = "again"
    STRONGER = "stronger"
    SOFTER = "softer"
    LARGER = "larger"
    CHANGE = "change"
    OTHER_STYLE = "style"
    COMPARE = "compare"
    TIMELAPSE = "timelapse"
    SAVE = "save"
    DETAILS = "details"
    GALLERY = "gallery"
    SAME_STYLE = "samestyle"
    DELETE = "delete"
    CANCEL = "cancel"
    TAKE_1 = "first"
    TAKE_2 = "second"
    TAKE_3 = "third"
    TAKE_4 = "fourth"
    TAKE_5 = "fifth"
    TAKE_6 = "sixth"
    TAKE_7 = "seventh"
    TAKE_8 = "eighth"
    TAKE_9 = "ninth"
    TAKE_10 = "tenth"


TAKE_ACTIONS = tuple(action for action in Action if action.name.startswith("TAKE_"))
"""Take one of several versions, in their order."""


@dataclass(frozen=True)
class Look:
    """How a button looks."""

    label: str
    emoji: str
    style: discord.ButtonStyle = discord.ButtonStyle.secondary


LOOKS = {
    **{
        action: Look(label, "🖼️")
        for action, label in zip(
            TAKE_ACTIONS,
            (
                _("Take 1"),
                _("Take 2"),
                _("Take 3"),
                _("Take 4"),
                _("Take 5"),
                _("Take 6"),
                _("Take 7"),
                _("Take 8"),
                _("Take 9"),
                _("Take 10"),
            ),
            strict=True,
        )
    },
    Action.AGAIN: Look(_("Again"), "🔁", discord.ButtonStyle.primary),
    Action.STRONGER: Look(_("Stronger"), "🌋"),
    Action.SOFTER: Look(_("Softer"), "🌫️"),
    Action.LARGER: Look(_("Larger"), "🔍"),
    Action.CHANGE: Look(_("Change…"), "🎛️"),
    Action.OTHER_STYLE: Look(_("Other style"), "🎨"),
    Action.COMPARE: Look(_("Compare"), "↔️"),
    Action.TIMELAPSE: Look(_("Time-lapse"), "🎞️"),
    Action.SAVE: Look(_("Save to DMs"), "📥"),
    Action.DETAILS: Look(_("Details"), "🔬"),
    Action.GALLERY: Look(_("Post to gallery"), "🏛️"),
    Action.SAME_STYLE: Look(_("Paint with this"), "🎨", discord.ButtonStyle.primary),
    Action.DELETE: Look(_("Delete"), "🗑️", discord.ButtonStyle.danger),
    Action.CANCEL: Look(_("Cancel"), "✖️", discord.ButtonStyle.danger),
}


class JobButton(
    PersistentItem["ui.Button[Any]"],
    template=template("job", r"(?P<action>[a-z]+)", r"(?P<job>\d{1,18})"),
):
    """A button that does something with one job."""

    def __init__(self, t: Texts, action: Action, job_id: int, *, disabled: bool = False) -> None:
        look = LOOKS[action]
        super().__init__(
            ui.Button(
                label=t(look.label),
                emoji=look.emoji,
                style=look.style,
                custom_id=custom_id("job", action.value, job_id),
                disabled=disabled,
            )
        )
        self.action = action
        self.job_id = job_id

    @classmethod
    def unpacked(cls, t: Texts, item: ui.Item[Any], match: re.Match[str]) -> Self:  # noqa: ARG003 - as all
        """The button as it was packed."""
        return cls(t, Action(match["action"]), int(match["job"]))

    async def act(self, interaction: Interaction, t: Texts) -> None:  # noqa: ARG002 - as all
        """Do it."""
        add_log_ids(job=self.job_id)
        await interaction.client.picture_actions[self.action](interaction, self.job_id)


def job_buttons(t: Texts, job_id: int, *actions: Action) -> list["ui.ActionRow[Any]"]:
    """Buttons in rows of at most five; those that take a version stand in a row of their own."""
    buttons = [JobButton(t, action, job_id) for action in actions]
    taking = sum(action in TAKE_ACTIONS for action in actions)
    return [
        row_of(*group[first : first + IN_A_ROW])
        for group in (buttons[:taking], buttons[taking:])
        for first in range(0, len(group), IN_A_ROW)
    ]


FEATURE = Feature(buttons=(JobButton,))
