"""The form of `/limits roles`: Discord's own menus of roles and channels, as they are set now."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import discord
from discord import ui

from bot.acknowledging import acknowledge
from bot.admin.access import admin_guild
from bot.admin.limit_words import LABELS
from bot.client import Interaction
from bot.errors import ReportingModal
from bot.texts import Texts
from jobs.limits import Limits

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
    """Asks for roles and channels; `change` is called with what was chosen."""

    def __init__(self, t: Texts, limits: Limits, change: Change) -> None:
        super().__init__(title=t("Who may paint, and where"))
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
        log_channel = limits.log_channel_id
        self.log_channel: ui.ChannelSelect[Any] = ui.ChannelSelect(
            custom_id="log_channel_id",
            channel_types=[discord.ChannelType.text, discord.ChannelType.news],
            required=False,
            min_values=0,
            max_values=1,
            default_values=[] if log_channel is None else [discord.Object(id=log_channel)],
        )
        selects = {
            **self.roles,
            "channel_ids": self.channels,
            "log_channel_id": self.log_channel,
        }
        for name, select in selects.items():
            self.add_item(ui.Label(text=t(LABELS[name])[:45], component=select))

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Set what was changed. The permission may be gone since the form was opened."""
        guild_id = admin_guild(interaction)
        await acknowledge(interaction, ephemeral=True, thinking=True)
        chosen: dict[str, Any] = {
            name: tuple(map(_id_of, select.values)) for name, select in self.roles.items()
        }
        chosen["channel_ids"] = tuple(map(_id_of, self.channels.values))
        logs = [_id_of(channel) for channel in self.log_channel.values]
        chosen["log_channel_id"] = logs[0] if logs else None
        changed = {
            name: value or None
            for name, value in chosen.items()
            if value != getattr(self.before, name)
        }
        await self.change(interaction, guild_id, changed)


def _id_of(chosen: Any) -> int:
    """The id of a role or channel; discord.py gives the bare text for one that is gone."""
    return int(getattr(chosen, "id", chosen))
