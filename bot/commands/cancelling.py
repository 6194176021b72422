"""Stopping a job, and saying what came of it."""

from bot.kit import Interaction
from bot.texts import Texts
from bot.ui.people import is_admin
from jobs.outcomes import (
    AlreadyEnded,
    Cancelled,
    CancelRequested,
    NoSuchJob,
    NotYours,
)


async def cancel_job(interaction: Interaction, t: Texts, job_id: int) -> str:
    """Cancel a job of the one who asks and return a sentence on what came of it.

    Admins may cancel others' jobs only of the server in which they ask.
    """
    client = interaction.client
    job = await client.queue.jobs.get(job_id)
    by_admin = (
        job is not None
        and job.guild_id is not None
        and job.guild_id == interaction.guild_id
        and is_admin(interaction, client.settings)
    )
    match await client.queue.jobs.cancel(job_id, interaction.user.id, by_admin=by_admin):
        case Cancelled():
            return t("#{job_id} is cancelled.", job_id=job_id)
        case CancelRequested():
            return t("#{job_id} is being stopped.", job_id=job_id)
        case AlreadyEnded():
            return t("#{job_id} has already ended.", job_id=job_id)
        case NotYours() | NoSuchJob():  # which of the two is nobody else's business
            return t("You have no picture #{job_id}; /queue shows those you have.", job_id=job_id)
