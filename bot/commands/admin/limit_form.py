"""The modal of all limits, filled with the current ones: lines of numbers, role and channel menus.

Invalid input is answered with everything that was filled in, and a button that opens the modal
with it again. The message itself holds the input, so that it survives a restart.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import discord
from discord import ui

from bot.commands.admin.access import admin_guild
from bot.commands.admin.limit_changes import change_limits
from bot.commands.admin.limit_lines import limit_lines, read_lines
from bot.kit import Feature, Interaction
from bot.texts import Texts, _, texts_of
from bot.ui.choices import CHOICES
from bot.ui.components import Card, card, own_button, row_of, show, texts_in
from bot.ui.fields import ids_of
from bot.ui.limit_words import limit_line
from bot.ui.people import still_there
from bot.ui.reporting import ReportingModal, open_modal
from bot.ui.words import plain_line, shorten
from bot.wire.acknowledging import acknowledge
from common.limits import LIMITS, Limit, LimitKind, Limits

TYPED_LIMIT = 1000  # characters
PROBLEMS_SHOWN = 3
ABOUT_LIMIT = 100  # characters of a field's description
PAINT_IN = [
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.public_thread,
    discord.ChannelType.private_thread,
    discord.ChannelType.voice,
    discord.ChannelType.stage_voice,
    discord.ChannelType.forum,  # its posts are threads
    discord.ChannelType.media,
]
MENUS = {
    name: limit
    for name, limit in LIMITS.items()
    if limit.kind in {LimitKind.ROLES, LimitKind.CHANNELS}
}
FENCE, NO_FENCE = "```", "'''"
POINTING, NOT_POINTING = "▶ ", "  "
MENTIONED = re.compile(r"<(?:#|@&)(\d+)>")


@dataclass(frozen=True)
class Filled:
    """The contents of the modal."""

    lines: str
    """Numbers, one in each line."""
    chosen: Mapping[str, tuple[int, ...]]
    """IDs of roles and channels, by limit name."""
    about_lines: str | None = None
    """The description beside the lines."""


class LimitsForm(ReportingModal):
    """Asks for numbers, roles and channels; sets what changed."""

    def __init__(
        self, t: Texts, limits: Limits, filled: Filled | None, guild: discord.Guild | None
    ) -> None:
        super().__init__(title=t("Limits"))
        self._before = limits
        # Discord does not send deleted ones back; that does not mean that the admin removed them.
        self._left = {name: still_there(guild, getattr(limits, name)) for name in MENUS}
        self._again = filled is not None
        if filled is None:
            ids = {name: getattr(limits, name) for name in MENUS}
            filled = Filled(limit_lines(t, limits), ids)
        self._menus = {
            name: _menu(limit, name, _to_choose(limit, guild, filled.chosen.get(name, ())))
            for name, limit in MENUS.items()
        }
        self._numbers: ui.TextInput[Any] = ui.TextInput(
            custom_id="numbers",
            style=discord.TextStyle.paragraph,
            required=False,
            max_length=TYPED_LIMIT,
            default=filled.lines,
        )
        about = filled.about_lines or t("Nothing after a colon: what the bot's operator allows.")
        self.add_item(
            ui.Label(
                text=t("Numbers"),
                description=shorten(about, ABOUT_LIMIT),
                component=self._numbers,
            )
        )
        for name, menu in self._menus.items():
            gone = len(getattr(limits, name)) - len(self._left[name])
            note = None
            if gone:
                note = t.plural(
                    "{count} that was set no longer exists; /limits reset removes it.",
                    "{count} that were set no longer exist; /limits reset removes them.",
                    count=gone,
                )
            label = t.say(LIMITS[name].label)[:45]
            self.add_item(ui.Label(text=label, description=note, component=menu))

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Set what was changed; checks again that the user is an admin."""
        guild_id = admin_guild(interaction)
        # A correction replaces the message that asked for it.
        await acknowledge(interaction, ephemeral=True, thinking=not self._again)
        t, lines = texts_of(interaction), self._numbers.value
        read = read_lines(t, lines, interaction.client.settings.limits)
        ids = {name: ids_of(menu.values) for name, menu in self._menus.items()}
        if read.problems:
            page = _problem_page(t, interaction.user.id, Filled(lines, ids), read.problems)
            await show(interaction, page)
            return
        changed = {
            name: None if value == () else value
            for name, value in {**read.values, **ids}.items()
            if value != getattr(self._before, name)
            and (name not in MENUS or value != self._left[name])
        }
        await change_limits(interaction, guild_id, changed)


def _problem_page(t: Texts, user_id: int, filled: Filled, problems: Mapping[int, str]) -> Card:
    """What is invalid, everything that was filled in, and the button back to the modal."""
    wrong = [
        t("Line {number}: {problem}", number=number, problem=plain_line(problem, 300))
        for number, problem in list(problems.items())[:PROBLEMS_SHOWN]
    ]
    if len(problems) > PROBLEMS_SHOWN:
        more = len(problems) - PROBLEMS_SHOWN
        wrong.append(t.plural("… and {count} more.", "… and {count} more.", count=more))
    headline = t("**Nothing has been changed yet.**")
    lines = [
        (POINTING if number in problems else NOT_POINTING) + line
        for number, line in enumerate(filled.lines.splitlines(), start=1)
    ]
    typed = "\n".join(lines).replace(FENCE, NO_FENCE)
    menus = "\n".join(f"-# {limit_line(t, name, filled.chosen.get(name))}" for name in MENUS)
    fenced = f"{FENCE}\n{typed}\n{FENCE}"
    button = row_of(correct_button.of(t, user_id))
    return card("\n".join([headline, *wrong]), fenced, menus, button)


@own_button("limits-change", _("Change limits…"), emoji="✏️")
async def change_button(interaction: Interaction, _t: Texts, _about: int) -> None:
    """Opens the modal of all limits; checks again that the user is an admin."""
    await open_form(interaction)


@own_button("limits-correct", _("Correct…"), emoji="✏️")
async def correct_button(interaction: Interaction, t: Texts, _about: int) -> None:
    """Opens the modal again, with what the message says was filled in."""
    filled = None
    if interaction.message is not None:
        operator = interaction.client.settings.limits
        filled = _filled(t, texts_in(interaction.message), operator)
    await open_form(interaction, filled)


def _filled(t: Texts, texts: list[str], operator: Limits) -> Filled | None:
    """Parse what was filled in from the texts of the message that has it; None if that fails."""
    place = next((place for place, text in enumerate(texts) if text.startswith(FENCE)), None)
    if place is None or place + 1 >= len(texts):
        return None
    gutter = len(POINTING)
    fenced = texts[place].removeprefix(FENCE).removesuffix(FENCE).strip("\n")
    lines = "\n".join(line[gutter:] for line in fenced.split("\n"))
    chosen = {
        name: tuple(map(int, MENTIONED.findall(line)))
        for name, line in zip(MENUS, texts[place + 1].splitlines(), strict=False)
    }
    problems = read_lines(t, lines, operator).problems
    about = None
    if problems:
        number, problem = next(iter(problems.items()))
        about = t("Line {number}: {problem}", number=number, problem=problem)
    return Filled(lines, chosen, about)


async def open_form(interaction: Interaction, filled: Filled | None = None) -> None:
    """Open the modal with the current limits, or with what was filled in before."""
    guild_id = admin_guild(interaction)
    current = await interaction.client.queue.limits.in_force(guild_id)
    guild = interaction.client.get_guild(guild_id)
    form = LimitsForm(texts_of(interaction), current, filled, guild)
    await open_modal(interaction, form)


def _to_choose(limit: Limit, guild: discord.Guild | None, ids: tuple[int, ...]) -> tuple[int, ...]:
    """The default values of a menu: existing roles only.

    A missing channel may be an archived thread.
    """
    return still_there(guild, ids) if limit.kind is LimitKind.ROLES else ids


def _menu(
    limit: Limit, name: str, ids: tuple[int, ...]
) -> ui.RoleSelect[Any] | ui.ChannelSelect[Any]:
    """A menu of roles or channels, with the current ones selected."""
    common: dict[str, Any] = {
        "custom_id": name,
        "required": False,
        "min_values": 0,
        "max_values": CHOICES,
        "default_values": [discord.Object(id=each) for each in ids],
    }
    if limit.kind is LimitKind.ROLES:
        return ui.RoleSelect(**common)
    return ui.ChannelSelect(channel_types=PAINT_IN, **common)


FEATURE = Feature(buttons=(change_button, correct_button))
