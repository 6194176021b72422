"""The connection to Discord, with retries for as long as it takes."""

import asyncio
import logging
import time

import aiohttp
import discord

from bot.app.checks import HOW_TO_SIGN_IN
from bot.app.client import AtelierClient
from bot.app.features import build_client
from common.backoff import Backoff
from common.settings import Settings
from common.settings_loading import SettingsError
from jobs.outcomes import DatabaseRefusedError, DatabaseTooNewError, DatabaseTooOldError, QueueError

log = logging.getLogger(__name__)

AUTHENTICATION_FAILED = 4004  # a close code of the gateway
BACKOFF = Backoff(first_seconds=2.0, longest_seconds=60.0)
STEADY_AFTER_SECONDS = 300.0


FINAL = (
    discord.LoginFailure,
    SettingsError,
    DatabaseRefusedError,
    DatabaseTooNewError,
    DatabaseTooOldError,
)
"""Errors that a retry cannot fix."""


class Connection:
    """Keeps the bot connected, whatever happens to Discord or the network."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: AtelierClient | None = None
        self._had_queue = False

    async def serve(self) -> None:
        """Stay connected. An error that ends the connection is logged, then retried with backoff.

        Raises:
            discord.LoginFailure: Discord does not accept the token.
            SettingsError: The settings cannot be used.
            QueueError: The queue cannot be opened at the first start, or is another application's.
        """
        failures = 0
        while True:
            began_at = time.monotonic()
            try:
                await self._serve_once()
            except FINAL:
                raise
            except Exception as error:
                if isinstance(error, QueueError) and not self._had_queue:
                    raise
                _explain(error)
                if time.monotonic() - began_at >= STEADY_AFTER_SECONDS:
                    failures = 0
                asked = error.retry_after if isinstance(error, discord.RateLimited) else None
                pause = BACKOFF.seconds(failures, asked)
                failures += 1
            else:
                return
            log.info("The next try is in %.0f s", pause)
            await asyncio.sleep(pause)

    async def wind_down(self) -> None:
        """Finish what is in flight, while still connected."""
        if self._client is not None:
            await self._client.wind_down()

    async def _serve_once(self) -> None:
        assert self._settings.discord_token is not None
        client = self._client = build_client(self._settings)
        try:
            async with client:
                await client.start(self._settings.discord_token.get_secret_value())
        except discord.ConnectionClosed as error:
            if error.code == AUTHENTICATION_FAILED:
                raise discord.LoginFailure(HOW_TO_SIGN_IN) from None
            raise
        finally:
            self._had_queue |= hasattr(client, "queue")


def _explain(error: Exception) -> None:
    """Log what ended a connection; with a traceback only if it is unexpected."""
    match error:
        case discord.ConnectionClosed():
            log.warning("Discord closed the connection (code %s)", error.code)
        case aiohttp.ClientError() | OSError() | discord.HTTPException() | discord.RateLimited():
            log.warning("Discord cannot be reached (%s)", error)
        case QueueError():
            log.warning("The queue cannot be opened: %s", error)
        case _:
            log.error("The connection to Discord ended with an error", exc_info=error)
