"""Asking for a picture: `/paint`, the message menu, and the way from there into the queue."""

from bot.client import AtelierClient, AtelierTree
from bot.paint.command import paint
from bot.paint.intake import IntakeService
from bot.paint.menu import paint_this


def register(client: AtelierClient, tree: AtelierTree) -> None:
    """Add the command, the menu and what takes the wishes in."""
    tree.add_command(paint)
    tree.add_command(paint_this)
    client.services.append(IntakeService(client))
