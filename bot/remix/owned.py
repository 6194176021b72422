"""The job behind a button, if the one who presses it may."""

import asyncio

from bot.client import Interaction
from bot.errors import ACKNOWLEDGED, UserProblem
from bot.paint.pictures import NOT_KEPT
from bot.people import plain
from bot.texts import _
from jobs.model import Job
from jobs.outcomes import QueueUnavailable

FORGOTTEN = _("I no longer know this picture; please use /paint to make a new one.")
NOT_YOURS = _(
    "This picture is {user}'s, so only they can do that; to paint one of your own, use /paint or "
    "the message menu “Paint this”."
)
READING_SECONDS = 1.0  # of the three that there are for the acknowledgement


async def known_job(interaction: Interaction, job_id: int) -> Job:
    """The job of a button.

    Raises:
        UserProblem: if it is not in the database any more.
        QueueUnavailable: if the database is too slow for what has to be acknowledged yet.
    """
    reading = asyncio.create_task(interaction.client.queue.get(job_id))
    in_time = interaction.response.is_done() or ACKNOWLEDGED in interaction.extras
    await asyncio.wait({reading}, timeout=None if in_time else READING_SECONDS)
    if not reading.done():
        reading.add_done_callback(_heard)
        raise QueueUnavailable(f"job {job_id} was not read within {READING_SECONDS:g} s")
    job = reading.result()
    if job is None:
        raise UserProblem(FORGOTTEN)
    return job


async def owned_job(interaction: Interaction, job_id: int) -> Job:
    """The job of a button, for its owner.

    Raises:
        UserProblem: if it is somebody else's, or not in the database any more.
    """
    job = await known_job(interaction, job_id)
    if job.user_id != interaction.user.id:
        raise UserProblem(NOT_YOURS, user=plain(job.user_name))
    return job


async def kept_job(interaction: Interaction, job_id: int) -> Job:
    """The job of a button, for its owner, with its pictures.

    Raises:
        UserProblem: if it is somebody else's, or its pictures are not kept any more.
    """
    job = await owned_job(interaction, job_id)
    if job.pictures_deleted_at is not None:
        raise UserProblem(NOT_KEPT)
    return job


def _heard(reading: "asyncio.Task[Job | None]") -> None:
    """Take note of what came too late."""
    if not reading.cancelled():
        reading.exception()
