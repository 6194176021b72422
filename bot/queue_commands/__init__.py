"""`/queue` and `/cancel`: what waits, when it is ready, and how to stop it."""

from discord import app_commands

from bot.client import AtelierClient
from bot.queue_commands.cancel import cancel
from bot.queue_commands.overview import QueueCancelButton, QueueRefreshButton, queue


def register(client: AtelierClient, tree: app_commands.CommandTree[AtelierClient]) -> None:
    """Add the commands and their buttons."""
    tree.add_command(queue)
    tree.add_command(cancel)
    client.add_dynamic_items(QueueCancelButton, QueueRefreshButton)
