"""Adds the gallery to the bot. Apart from the package, whose words the cards of delivery use."""

from bot.client import AtelierClient, AtelierTree
from bot.gallery.history import HistoryPage, OpenSelect, history
from bot.gallery.show import show_command
from bot.gallery.styles import StylesPage, styles
from bot.gallery.thumbnails import Thumbnails


def register(client: AtelierClient, tree: AtelierTree) -> None:
    """Add the commands, their buttons, and what makes their small pictures."""
    client.services.append(Thumbnails())
    tree.add_command(history)
    tree.add_command(show_command)
    tree.add_command(styles)
    client.add_dynamic_items(HistoryPage, OpenSelect, StylesPage)
