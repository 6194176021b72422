"""`/help`: what the bot does, and how to say it."""

from bot.client import AtelierClient, AtelierTree
from bot.help_command.command import help_command


def register(client: AtelierClient, tree: AtelierTree) -> None:  # noqa: ARG001 - as all have it
    """Add the command."""
    tree.add_command(help_command)
