"""Reading jobs while Discord waits for an acknowledgement."""

import asyncio

from bot.kit import Interaction
from bot.wire.acknowledging import is_acknowledged
from jobs.model import Job
from jobs.outcomes import QueueUnavailable

READING_SECONDS = 1.0  # of the three that there are for the acknowledgement


async def job_in_time(interaction: Interaction, job_id: int) -> Job | None:
    """A job by its number, if there is one.

    Raises:
        QueueUnavailable: if the database is too slow for what has to be acknowledged yet.
    """
    reading = asyncio.create_task(interaction.client.queue.jobs.get(job_id))
    in_time = is_acknowledged(interaction)
    await asyncio.wait({reading}, timeout=None if in_time else READING_SECONDS)
    if not reading.done():
        reading.add_done_callback(_heard)
        raise QueueUnavailable(f"Job {job_id} was not read within {READING_SECONDS:g} s.")
    return reading.result()


def _heard(reading: "asyncio.Task[Job | None]") -> None:
    """Take note of what came too late."""
    if not reading.cancelled():
        reading.exception()
