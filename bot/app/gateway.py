"""Keeps up the connection to Discord's gateway: quick reconnects, and no end by a single event.

discord.py doubles its delay with each failure, up to 17 minutes, resets it only after a long time
without one, and logs a traceback for each try. An event that it cannot parse ends the client.
"""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import discord.client

from bot.kit import Bot

log = logging.getLogger(__name__)

SHORTEST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 8.0
CONNECT_TIMEOUT_SECONDS = 10.0
"""Timeout of one try. With the pause, the bot is back within 20 s."""

STARTS_AN_HOUR = 30
"""Discord allows a thousand new sessions a day and then resets the token: a gateway that accepts
sessions and ends them at once is retried more slowly from here on."""
MANY_STARTS_PAUSE_SECONDS = 120.0
_HOUR_SECONDS = 3600.0


class ReconnectBackoff:
    """Replaces discord.py's `ExponentialBackoff`; slower after many sessions within the hour."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._starts: deque[float] = deque(maxlen=STARTS_AN_HOUR)

    def session_began(self) -> None:
        """Note that a new session began."""
        self._starts.append(self._clock())

    def delay(self) -> float:
        """Seconds until the next try."""
        starts = self._starts
        if len(starts) == STARTS_AN_HOUR and self._clock() - starts[0] < _HOUR_SECONDS:
            return MANY_STARTS_PAUSE_SECONDS
        # With jitter: a thousand bots reconnect after the same outage.
        return random.uniform(SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)  # noqa: S311


class _OneLineATry(logging.Filter):
    """Strips the traceback from discord.py's log line about a reconnect."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep every line."""
        if str(record.msg).startswith("Attempting a reconnect") and record.exc_info:
            error = record.exc_info[1]
            record.msg = f"The gateway is away ({type(error).__name__}: {error}); the next try"
            record.msg = record.msg.replace("%", "%%") + " is in %.0f s"
            record.exc_info, record.exc_text = None, None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


def bound_reconnects(client: Bot) -> ReconnectBackoff:
    """Bound a client's reconnects in time and log lines. Returns where new sessions are noted."""
    pauses = ReconnectBackoff()
    discord.client.ExponentialBackoff = lambda: pauses  # type: ignore[assignment, misc, attr-defined]  # no other way in
    log = logging.getLogger("discord.client")
    if not any(isinstance(known, _OneLineATry) for known in log.filters):
        log.addFilter(_OneLineATry())
    connect = client.http.ws_connect

    async def connect_soon(*arguments: Any, **named: Any) -> Any:
        async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
            return await connect(*arguments, **named)

    client.http.ws_connect = connect_soon  # type: ignore[method-assign]  # bounded
    return pauses


def skip_unreadable_events(client: Bot) -> None:
    """Log an event that discord.py cannot parse, and go on; without `READY` there is no session."""
    parsers = client._connection.parsers  # noqa: SLF001 - no other way in
    parsers |= {name: _skipping(name, parse) for name, parse in parsers.items() if name != "READY"}


def _skipping(name: str, parse: Callable[[Any], None]) -> Callable[[Any], None]:
    def parse_or_log(data: Any) -> None:
        try:
            parse(data)
        except Exception:
            log.exception("An event from Discord cannot be read (%s)", name)

    return parse_or_log
