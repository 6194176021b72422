"""The form of all limits, as they are now: lines of numbers, menus of roles and channels."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import discord
from discord import ui

from bot.commands.admin.access import admin_guild
from bot.commands.admin.limit_lines import limit_lines, read_lines
from bot.kit import Interaction
from bot.texts import Texts
from bot.ui.reporting import ReportingModal
from bot.wire.acknowledging import acknowledge
from common.limits import LIMITS, Limit, LimitKind, Limits

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

Change = Callable[[Interaction, int, Mapping[str, Any]], Awaitable[None]]


class LimitsForm(ReportingModal):
    """Asks for numbers, roles and channels; `change` is called with what is another than before."""

    def __init__(self, t: Texts, limits: Limits, change: Change) -> None:
        super().__init__(title=t("Limits"))
        self.t = t
        self.change = change
        self.before = limits
        self.selects = {
            name: _select(limit, name, getattr(limits, name))
            for name, limit in LIMITS.items()
            if limit.kind in {LimitKind.ROLES, LimitKind.CHANNELS}
        }
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
        for name, select in self.selects.items():
            self.add_item(ui.Label(text=t.say(LIMITS[name].label)[:45], component=select))

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Set what was changed. The permission may be gone since the form was opened."""
        guild_id = admin_guild(interaction)
        await acknowledge(interaction, ephemeral=True, thinking=True)
        chosen: dict[str, Any] = {
            **read_lines(self.t, self.numbers.value),
            **{name: tuple(map(_id_of, select.values)) for name, select in self.selects.items()},
        }
        changed = {
            name: None if value == () else value
            for name, value in chosen.items()
            if value != getattr(self.before, name)
        }
        await self.change(interaction, guild_id, changed)


def _select(
    limit: Limit, name: str, ids: tuple[int, ...]
) -> ui.RoleSelect[Any] | ui.ChannelSelect[Any]:
    """A menu of roles or channels, with those chosen that are set."""
    common: dict[str, Any] = {
        "custom_id": name,
        "required": False,
        "min_values": 0,
        "max_values": MANY,
        "default_values": [discord.Object(id=each) for each in ids],
    }
    if limit.kind is LimitKind.ROLES:
        return ui.RoleSelect(**common)
    return ui.ChannelSelect(channel_types=PAINT_IN, **common)


def _id_of(chosen: Any) -> int:
    """The id of a role or channel; discord.py gives the bare text for one that is gone."""
    return int(getattr(chosen, "id", chosen))
