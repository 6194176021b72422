"""`/help`: how to begin, in a few lines; a button lists all commands."""

from collections.abc import Iterator
from typing import Any

import discord
from discord import app_commands

from bot.commands.style_form import PhotoForm
from bot.kit import Feature, Interaction, Tree
from bot.texts import Texts, _, texts_of
from bot.ui.components import Card, card, own_button, row_of, show
from bot.ui.limit_words import limit_line
from bot.ui.people import is_admin
from bot.ui.reporting import open_modal
from bot.wire.acknowledging import acknowledge
from common.limits import Limits

Leaf = app_commands.Command[Any, ..., Any]


def leaves(tree: Tree) -> Iterator[Leaf]:
    """All commands that can be called, with those of groups, most used first."""
    for command in tree.walk_commands():
        if not isinstance(command, app_commands.Group):
            yield command


def is_for_admins(command: Leaf) -> bool:
    """Whether Discord shows a command only to those who manage the server."""
    top = command.root_parent or command
    return top.default_permissions is not None and top.default_permissions.manage_guild


def _lines(t: Texts, commands: list[Leaf]) -> str:
    lines = []
    for command in commands:  # with the names that Discord shows in the user's language
        parts = (t.find("command", part) or part for part in command.qualified_name.split())
        lines.append(f"`/{' '.join(parts)}` · {t(command.description)}")
    return "\n".join(lines)


FIRST = ("paint", "styles", "queue", "history", "settings", "privacy")
"""The commands in the short help."""
LIMITS_TOLD = ("max_size_px", "max_quality", "max_waiting_per_user", "max_per_day")
LIMITS_TOLD_IF_ANY = ("cooldown_seconds", "channel_ids", "painter_role_ids")


def _menus(t: Texts, tree: Tree) -> str | None:
    menus = [
        menu.name
        for kind in (discord.AppCommandType.message, discord.AppCommandType.user)
        for menu in tree.get_commands(type=kind)
    ]
    if not menus:
        return None
    names = [f"**{t.find('command', name) or name}**" for name in menus]
    return t(
        "On a message with a picture, or on a member: right-click or press and hold, then "
        "Apps, then {menus}.",
        menus=", ".join(names),
    )


def help_layout(t: Texts, tree: Tree, limits: Limits, user_id: int) -> Card:
    """The short card: how to begin, and the limits in force."""
    start = t(
        "## Atelier\nI paint your photo in the style of a painting. Press the button, or type "
        "`/paint`, and give me a photo: the style is a click away."
    )
    by_name = {command.qualified_name: command for command in leaves(tree)}
    first = [by_name[name] for name in FIRST if name in by_name]
    here = [limit_line(t, name, getattr(limits, name)) for name in LIMITS_TOLD]
    here += [
        limit_line(t, name, value)
        for name in LIMITS_TOLD_IF_ANY
        if (value := getattr(limits, name))
    ]
    return card(
        start,
        row_of(try_button.of(t, user_id), all_commands_button.of(t, user_id)),
        _lines(t, first),
        _menus(t, tree),
        "-# " + t("Limits here: {limits}", limits=" · ".join(here)),
    )


def commands_layout(t: Texts, tree: Tree, *, for_admin: bool) -> Card:
    """The card of all commands that the user can use."""
    commands = list(leaves(tree))
    members = [command for command in commands if not is_for_admins(command)]
    admins = [command for command in commands if is_for_admins(command)]
    return card(
        _lines(t, members),
        _menus(t, tree),
        t("**For admins**\n{commands}", commands=_lines(t, admins)) if for_admin else None,
    )


@own_button("try", _("Try it now"), emoji="🎨", style=discord.ButtonStyle.primary)
async def try_button(interaction: Interaction, t: Texts, _about: int) -> None:
    """Asks for a photograph; the question for its style follows."""
    await open_modal(interaction, PhotoForm(t, t("Try it now"), (), {}))


@own_button("commands", _("All commands"), emoji="📖")
async def all_commands_button(interaction: Interaction, t: Texts, _about: int) -> None:
    """Lists all commands."""
    await acknowledge(interaction)
    client = interaction.client
    for_admin = is_admin(interaction, client.settings)
    await show(interaction, commands_layout(t, client.tree, for_admin=for_admin))


@app_commands.command(name="help")
async def help_command(interaction: Interaction) -> None:
    """What I can do, and how to ask for it."""
    await acknowledge(interaction, ephemeral=True, thinking=True)
    client = interaction.client
    limits = await client.queue.limits.in_force(interaction.guild_id)
    layout = help_layout(texts_of(interaction), client.tree, limits, interaction.user.id)
    await show(interaction, layout)


FEATURE = Feature(commands=(help_command,), buttons=(try_button, all_commands_button))
