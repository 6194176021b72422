"""Which packages add commands and services: each has `register(client, tree)`."""

from collections.abc import Callable

from bot import (
    delivery,
    help_command,
    housekeeping,
    paint,
    privacy_command,
    queue_commands,
    remix,
    style_commands,
    undelivered,
)
from bot.admin import registration as admin
from bot.client import AtelierClient, AtelierTree
from bot.gallery import registration as gallery
from common.settings import Settings

Registrar = Callable[[AtelierClient, AtelierTree], None]

REGISTRARS: tuple[Registrar, ...] = (
    housekeeping.register,
    delivery.register,
    undelivered.register,
    paint.register,
    remix.register,
    queue_commands.register,
    gallery.register,
    style_commands.register,
    privacy_command.register,
    help_command.register,
    admin.register,
)


def build_client(settings: Settings) -> AtelierClient:
    """The bot with all its commands and services, not yet connected."""
    client = AtelierClient(settings)
    for register in REGISTRARS:
        register(client, client.tree)
    return client
