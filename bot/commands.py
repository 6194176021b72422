"""Which packages add commands and services: each has `register(client, tree)`."""

from collections.abc import Callable

from bot import delivery, paint, remix
from bot.client import AtelierClient, AtelierTree
from jobs.settings import Settings

Registrar = Callable[[AtelierClient, AtelierTree], None]

REGISTRARS: tuple[Registrar, ...] = (
    delivery.register,
    paint.register,
    remix.register,
)


def build_client(settings: Settings) -> AtelierClient:
    """The bot with all its commands and services, not yet connected."""
    client = AtelierClient(settings)
    for register in REGISTRARS:
        register(client, client.tree)
    return client
