"""Showing jobs: one loop reads the database and makes all edits of their messages."""

from bot.client import AtelierClient, AtelierTree
from bot.delivery.loop import Delivery


def register(client: AtelierClient, tree: AtelierTree) -> None:  # noqa: ARG001 - adds no command
    """Deliver for as long as the bot runs."""
    client.services.append(Delivery(client))
