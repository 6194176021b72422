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
    DELETE = "delete"
    CANCEL = "cancel"


@dataclass(frozen=True)
class Look:
    """How a button looks."""

    label: str
    emoji: str
    style: discord.ButtonStyle = discord.ButtonStyle.secondary


LOOKS = {
    Action.AGAIN: Look(_("Again"), "🔁", discord.ButtonStyle.primary),
    Action.STRONGER: Look(_("Stronger"), "🌋"),
    Action.SOFTER: Look(_("Softer"), "🌫️"),
    Action.LARGER: Look(_("Larger"), "🔍"),
    Action.CHANGE: Look(_("Change…"), "🎛️"),
    Action.OTHER_STYLE: Look(_("Other style"), "🎨"),
    Action.COMPARE: Look(_("Compare"), "↔️"),
    Action.TIMELAPSE: Look(_("Time-lapse"), "🎞️"),
    Action.SAVE: Look(_("Save to DMs"), "📥"),
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
        await interaction.client.picture_actions[self.action](interaction, self.job_id)


def job_buttons(t: Texts, job_id: int, *actions: Action) -> list["ui.ActionRow[Any]"]:
    """Buttons in rows of at most five."""
    buttons = [JobButton(t, action, job_id) for action in actions]
    return [row_of(*buttons[first : first + 5]) for first in range(0, len(buttons), 5)]


FEATURE = Feature(buttons=(JobButton,))
