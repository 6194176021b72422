"""Reading the database before an interaction is acknowledged, for which there is little time."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from bot.kit import Interaction
from bot.wire.acknowledging import is_acknowledged
from jobs.outcomes import QueueUnavailableError

READING_SECONDS = 1.0  # of the three that there are for the acknowledgement
T = TypeVar("T")


async def read_in_time(interaction: Interaction, read: Coroutine[Any, Any, T]) -> T:
    """What is read, within the time that there is.

    Raises:
        QueueUnavailableError: if the database is too slow for what has to be acknowledged yet.
    """
    reading = asyncio.create_task(read)
    in_time = is_acknowledged(interaction)
    await asyncio.wait({reading}, timeout=None if in_time else READING_SECONDS)
    if not reading.done():
        reading.add_done_callback(_heard)
        raise QueueUnavailableError(f"The database did not answer within {READING_SECONDS:g} s.")
    return reading.result()


def _heard(reading: "asyncio.Task[Any]") -> None:
    """Take note of what came too late."""
    if not reading.cancelled():
        reading.exception()
