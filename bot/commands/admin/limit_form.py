"""The form of all limits, as they are now: lines of numbers, menus of roles and channels."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import discord
from discord import ui

from bot.commands.admin.access import admin_guild
from bot.commands.admin.limit_lines import limit_lines, read_lines
from bot.commands.admin.limit_words import LABELS
from bot.kit import Interaction
from bot.texts import Texts
from bot.ui.reporting import ReportingModal
from bot.wire.acknowledging import acknowledge
from jobs.entering.limits import Limits

MANY = 25  # as much as a menu lets choose
PAINT_IN = [
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.public_thread,
    discord.ChannelType.private_thread,
    discord.ChannelType.voice,
    discord.ChannelType.forum,  # of which the posts are threads
    discord.ChannelType.media,
]
ROLE_LIMITS = ("painter_role_ids", "exempt_role_ids", "priority_role_ids")

Change = Callable[[Interaction, int, Mapping[str, Any]], Awaitable[None]]


class LimitsForm(ReportingModal):
    """Asks for numbers, roles and channels; `change` is called with what is another than before."""

    def __init__(self, t: Texts, limits: Limits, change: Change) -> None:
        super().__init__(title=t("Limits"))
        self.t = t
        self.change = change
        self.before = limits
        self.roles: dict[str, ui.RoleSelect[Any]] = {
            name: ui.RoleSelect(
                custom_id=name,
                required=False,
                min_values=0,
                max_values=MANY,
                default_values=[discord.Object(id=each) for each in getattr(limits, name)],
            )
            for name in ROLE_LIMITS
        }
        self.channels: ui.ChannelSelect[Any] = ui.ChannelSelect(
            custom_id="channel_ids",
            channel_types=PAINT_IN,
            required=False,
            min_values=0,
            max_values=MANY,
            default_values=[discord.Object(id=each) for each in limits.channel_ids],
        )
        self.numbers: ui.TextInput[Any] = ui.TextInput(
            custom_id="numbers",
            style=discord.TextStyle.paragraph,
            required=False,
            max_length=1000,
            default=limit_lines(t, limits),
        )
        self.add_item(
            ui.Label(
                text=t("Numbers"),
                description=t("Nothing behind a colon: what the bot's operator allows."),
                component=self.numbers,
            )
        )
        for name, select in {**self.roles, "channel_ids": self.channels}.items():
            self.add_item(ui.Label(text=t(LABELS[name])[:45], component=select))

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Set what was changed. The permission may be gone since the form was opened."""
        guild_id = admin_guild(interaction)
        await acknowledge(interaction, ephemeral=True, thinking=True)
        selects = {**self.roles, "channel_ids": self.channels}
        chosen: dict[str, Any] = {
            **read_lines(self.t, self.numbers.value),
            **{name: tuple(map(_id_of, select.values)) for name, select in selects.items()},
        }
        changed = {
            name: None if value == () else value
            for name, value in chosen.items()
            if value != getattr(self.before, name)
        }
        await self.change(interaction, guild_id, changed)


def _id_of(chosen: Any) -> int:
    """The id of a role or channel; discord.py gives the bare text for one that is gone."""
    return int(getattr(chosen, "id", chosen))
