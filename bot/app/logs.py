"""Logging of the bot: one line an event, and never a secret."""

import logging
import re
import sys

import discord

_INTERACTION_TOKEN = re.compile(r"/(webhooks|interactions)/(\d+)/[\w.\-]{8,}")
_BOT_TOKEN = re.compile(r"\bBot [\w.\-]{20,}")


class RedactingFormatter(logging.Formatter):
    """Blanks tokens in the finished text, so that tracebacks and arguments are covered too."""

    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
        self._secrets = tuple(secret for secret in secrets if secret)

    def format(self, record: logging.LogRecord) -> str:
        """The line, with every token replaced."""
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, "[token]")
        text = _INTERACTION_TOKEN.sub(r"/\1/\2/[token]", text)
        return _BOT_TOKEN.sub("Bot [token]", text)


def set_up_logging(level: str, *secrets: str) -> None:
    """Log to the standard error stream; the secrets never appear in it."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter(secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # nobody speaks here
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # discord.py at DEBUG prints every payload, and with them what members wrote.
    logging.getLogger("discord").setLevel(max(logging.INFO, root.level))
