"""The buttons under a picture."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import discord
from discord import ui

from bot.kit import Feature, Interaction
from bot.texts import Texts, _
from bot.ui.components import PersistentItem, persistent, rows_of
from common.logs import add_log_ids


class Action(StrEnum):
    """The action of a button; part of its custom_id, so the values must never change."""

    AGAIN = "again"
    REST = "rest"
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


TAKES = (
    *("first", "second", "third", "fourth", "fifth"),
    *("sixth", "seventh", "eighth", "ninth", "tenth"),
)
"""The actions that pick one of several versions, in order; part of custom_ids, too."""


@dataclass(frozen=True)
class Look:
    """Label, style and emoji of a button."""

    label: str
    emoji: str
    style: discord.ButtonStyle = discord.ButtonStyle.secondary


LOOKS = {
    Action.AGAIN: Look(_("Again"), "🔁", discord.ButtonStyle.primary),
    Action.REST: Look(_("Paint the rest"), "🧩", discord.ButtonStyle.primary),
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


@persistent("job", r"(?P<action>[a-z]+)", r"(?P<job>\d{1,18})")
async def job_button(interaction: Interaction, _t: Texts, item: PersistentItem) -> None:
    """Run the action for a job."""
    job_id = int(item.parts["job"])
    add_log_ids(job=job_id)
    await interaction.client.picture_actions[item.parts["action"]](interaction, job_id)


def job_buttons(t: Texts, job_id: int, *actions: str) -> list["ui.ActionRow[Any]"]:
    """Buttons in rows of at most five; those that pick a version are in a row of their own."""
    buttons = [_button(t, job_id, action) for action in actions]
    taking = sum(action in TAKES for action in actions)
    return rows_of(buttons[:taking]) + rows_of(buttons[taking:])


def _button(t: Texts, job_id: int, action: str) -> PersistentItem:
    if action in TAKES:
        label = t("Choose {number}", number=TAKES.index(action) + 1)
        return job_button.button(label, action, job_id, emoji="🖼️")
    look = LOOKS[Action(action)]
    return job_button.button(t(look.label), action, job_id, emoji=look.emoji, style=look.style)


FEATURE = Feature(buttons=(job_button,))
