"""Looks up the job that a user asks for, and checks what they may do with it."""

import asyncio
import logging
from dataclasses import replace

from bot.commands.rights import Right, by_admins_right, may
from bot.intake.stored import NOT_KEPT
from bot.kit import DISCORD_FAILED, Bot, Interaction, UserError
from bot.texts import _
from bot.ui.words import plain
from bot.wire.acknowledging import read_in_time
from bot.wire.channels import channel_of
from bot.wire.faults import MessageGone, fault_of
from jobs.model import Job
from jobs.outcomes import CancelOutcome, QueueError
from jobs.privacy.contributed import TAKEN_BACK

log = logging.getLogger(__name__)

ASKING_SECONDS = 1.0
FORGOTTEN = _("I no longer have this picture; please use /paint to make a new one.")
NOT_YOURS = _(
    "This picture is {user}'s, so only they can do that; to paint one of your own, use /paint or "
    "the message menu “Paint this”."
)


async def job_in_time(interaction: Interaction, job_id: int) -> Job | None:
    """Look a job up by its number; None if there is none.

    Raises:
        QueueUnavailableError: The database was too slow for an interaction not acknowledged yet.
    """
    return await read_in_time(interaction, interaction.client.queue.jobs.get(job_id))


async def known_job(interaction: Interaction, job_id: int) -> Job:
    """The job of a button.

    Raises:
        UserError: It is no longer in the database, or its member had their data erased.
        QueueUnavailableError: The database was too slow for an interaction not acknowledged yet.
    """
    job = await job_in_time(interaction, job_id)
    if job is None or job.erased_at is not None:
        raise UserError(FORGOTTEN)
    return job


async def kept_job(interaction: Interaction, job_id: int) -> Job:
    """The job of a button that is for its owner, with its pictures.

    Raises:
        UserError: It is somebody else's, or its pictures are no longer stored.
    """
    job = await known_job(interaction, job_id)
    if job.user_id != interaction.user.id:
        raise not_yours(interaction, job)
    if job.pictures_deleted_at is not None:
        raise UserError(NOT_KEPT)
    return job


async def open_job(interaction: Interaction, job_id: int) -> Job:
    """The job of a button that anybody may use on a public picture, for a job of their own.

    Raises:
        UserError: It is somebody else's and not public here, or its pictures are no longer stored.
    """
    job = await known_job(interaction, job_id)
    if job.pictures_deleted_at is not None:  # and its message with them, so it is not public
        raise UserError(NOT_KEPT)
    if job.user_id != interaction.user.id and (
        not may(Right.POST, interaction, job) or await was_removed(interaction, job)
    ):
        raise not_yours(interaction, job)
    return job


def not_yours(interaction: Interaction, job: Job) -> UserError:
    """The error that a picture is somebody else's, without a nickname from another server."""
    is_here = job.guild_id == interaction.guild_id
    return UserError(NOT_YOURS, user=plain(job.user_name) if is_here else f"<@{job.user_id}>")


def named_here(interaction: Interaction, job: Job) -> Job:
    """A job as it is shown here: an owner who shows their own has the name they have here.

    The name in the job may be a nickname from the server where it was painted.
    """
    if job.user_id != interaction.user.id:
        return job
    return replace(job, user_name=interaction.user.display_name)


async def was_removed(interaction: Interaction, job: Job) -> bool:
    """Whether a job's message was deleted, asked from a button that may be under a copy of it.

    Discord is asked only for as long as the acknowledgement can wait.
    """
    if is_own_message(interaction, job):
        return False
    try:
        async with asyncio.timeout(ASKING_SECONDS):
            return await is_removed(interaction.client, job)
    except TimeoutError:
        return False  # Discord could not tell in time


def is_own_message(interaction: Interaction, job: Job) -> bool:
    """Whether a button was pressed under the job's own message, and not under a copy."""
    pressed = interaction.message
    return pressed is not None and pressed.id == job.reply.message_id


def check_pictures(job: Job) -> None:
    """Check that the job's pictures may still be used.

    Raises:
        UserError: Somebody else attached them and has had their data erased.
    """
    if job.inputs.erased:
        raise UserError(TAKEN_BACK.template)


async def cancel(interaction: Interaction, job: Job) -> CancelOutcome:
    """Cancel a job for the user; allowed for all who could delete its picture."""
    may_delete = may(Right.DELETE, interaction, job)
    jobs = interaction.client.queue.jobs
    return await jobs.cancel(job.id, interaction.user.id, by_admin=may_delete)


async def record_view(interaction: Interaction, job: Job) -> None:
    """Record in the server's audit log that somebody looks at a picture as an admin."""
    if by_admins_right(Right.LOOK, interaction, job):
        about = {"job": str(job.id), "user": str(job.user_id)}
        await interaction.client.queue.audit.write(
            job.guild_id, interaction.user.id, "look_at_private", about
        )


async def record_removed(client: Bot, message_ids: set[int]) -> None:
    """Record that these messages are gone, if they are jobs' messages."""
    try:
        count = await client.queue.deliveries.mark_removed(message_ids)
        count += await client.queue.gallery.mark_taken_out(message_ids)
    except QueueError as error:
        # The next user who asks for the picture finds its message missing.
        log.info("A deletion could not be written down: %s", error)
        return
    if count:
        log.info("Messages of jobs that were deleted in Discord: %d", count)


async def is_removed(client: Bot, job: Job) -> bool:
    """Whether a job's public message was deleted; False if that is not known.

    Checked before a picture is shown again, since it may have been deleted while the bot was away.
    """
    reply = job.reply
    if job.message_removed_at is not None:
        return True
    was_public = reply.is_public and job.guild_id is not None
    if not was_public or reply.message_id is None or reply.channel_id is None:
        return False
    try:
        await channel_of(client, job).fetch_message(reply.message_id)
    except DISCORD_FAILED as error:
        if isinstance(fault_of(error), MessageGone):
            await record_removed(client, {reply.message_id})
            return True
    return False
