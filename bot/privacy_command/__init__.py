"""`/privacy`: what is kept of a user, their copy of it, and its erasure."""

from bot.client import AtelierClient, AtelierTree
from bot.privacy_command.command import (
    EraseButton,
    ExportButton,
    KeepButton,
    ReallyEraseButton,
    privacy,
)


def register(client: AtelierClient, tree: AtelierTree) -> None:
    """Add the command and its buttons."""
    tree.add_command(privacy)
    client.add_dynamic_items(ExportButton, EraseButton, ReallyEraseButton, KeepButton)
