"""The job behind a button, if the one who presses it may."""

from bot.commands.reading import job_in_time
from bot.intake.pictures import NOT_KEPT
from bot.kit import Interaction
from bot.texts import _
from bot.ui.people import plain
from bot.wire.errors import UserProblem
from jobs.model import Job

FORGOTTEN = _("I no longer know this picture; please use /paint to make a new one.")
NOT_YOURS = _(
    "This picture is {user}'s, so only they can do that; to paint one of your own, use /paint or "
    "the message menu “Paint this”."
)


async def known_job(interaction: Interaction, job_id: int) -> Job:
    """The job of a button.

    Raises:
        UserProblem: if it is not in the database any more.
        QueueUnavailable: if the database is too slow for what has to be acknowledged yet.
    """
    job = await job_in_time(interaction, job_id)
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
