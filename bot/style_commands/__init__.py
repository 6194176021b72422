"""`/style save` and `/style remove`: styles of one's own, and of a whole server."""

from bot.client import AtelierClient, AtelierTree
from bot.style_commands.commands import style


def register(client: AtelierClient, tree: AtelierTree) -> None:  # noqa: ARG001 - as all have it
    """Add the commands."""
    tree.add_command(style)
