"""`/help`: the commands that the one who asks can use here, made from the commands themselves."""

from collections.abc import Iterator
from typing import Any

import discord
from discord import app_commands

from bot.kit import Feature, Interaction, Tree
from bot.texts import Texts, texts_of
from bot.ui.container import card
from bot.ui.people import is_admin

Leaf = app_commands.Command[Any, ..., Any]


def leaves(tree: Tree) -> Iterator[Leaf]:
    """All commands that can be called, those of groups included, the most used first."""
    for command in tree.walk_commands():
        if not isinstance(command, app_commands.Group):
            yield command


def is_for_admins(command: Leaf) -> bool:
    """Whether Discord shows a command only to those who manage the server."""
    top = command.root_parent or command
    return top.default_permissions is not None and top.default_permissions.manage_guild


def said_name(t: Texts, command: Leaf) -> str:
    """The name of a command as Discord shows it in the user's language."""
    parts = command.qualified_name.split()
    return " ".join(t.find("command", part) or part for part in parts)


def _lines(t: Texts, commands: list[Leaf]) -> str:
    return "\n".join(f"`/{said_name(t, each)}` · {t(each.description)}" for each in commands)


def help_layout(t: Texts, tree: Tree, *, for_admin: bool) -> discord.ui.LayoutView:
    """The card of help."""
    commands = list(leaves(tree))
    members = [command for command in commands if not is_for_admins(command)]
    admins = [command for command in commands if is_for_admins(command)]
    start = t(
        "## Atelier\n"
        "I paint your photograph in the style of a painting. Type `/paint`, attach a photograph, "
        "and choose a preset or attach a picture whose style you like. The message shows how the "
        "painting grows; below the finished one are buttons to go on from it."
    )
    menus = [menu.name for menu in tree.get_commands(type=discord.AppCommandType.message)]
    names = [f"**{t.find('command', name) or name}**" for name in menus]
    menu_words = t(
        "On a message with a picture: right-click or hold it, Apps, {menus}.",
        menus=", ".join(names),
    )
    return card(
        start,
        _lines(t, members),
        menu_words if names else None,
        t("**For admins**\n{commands}", commands=_lines(t, admins)) if for_admin else None,
    )


@app_commands.command(name="help", description="What I can do, and how to ask for it.")
async def help_command(interaction: Interaction) -> None:
    """Show what there is."""
    client = interaction.client
    layout = help_layout(
        texts_of(interaction), client.tree, for_admin=is_admin(interaction, client.settings)
    )
    await interaction.response.send_message(view=layout, ephemeral=True)


FEATURE = Feature(commands=(help_command,))
