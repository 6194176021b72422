"""The job that somebody asks for by its number, and what they may do with it."""

import asyncio
import logging
from dataclasses import replace

import discord

from bot.commands.rights import Right, by_admins_right, may
from bot.intake.taken import NOT_KEPT
from bot.kit import Bot, Interaction, UserError
from bot.texts import _
from bot.ui.words import plain
from bot.wire.acknowledging import read_in_time
from bot.wire.faults import MessageGone, fault_of
from jobs.changing.brought import TAKEN_BACK
from jobs.model import Job
from jobs.outcomes import CancelOutcome, QueueError

log = logging.getLogger(__name__)

ASKING_SECONDS = 1.0
FORGOTTEN = _("I no longer have this picture; please use /paint to make a new one.")
NOT_YOURS = _(
    "This picture is {user}'s, so only they can do that; to paint one of your own, use /paint or "
    "the message menu “Paint this”."
)


async def job_in_time(interaction: Interaction, job_id: int) -> Job | None:
    """A job by its number, if there is one.

    Raises:
        QueueUnavailableError: if the database is too slow for what has to be acknowledged yet.
    """
    return await read_in_time(interaction, interaction.client.queue.jobs.get(job_id))


async def known_job(interaction: Interaction, job_id: int) -> Job:
    """The job of a button.

    Raises:
        UserError: if it is not in the database any more, or its member had their data erased.
        QueueUnavailableError: if the database is too slow for what has to be acknowledged yet.
    """
    job = await job_in_time(interaction, job_id)
    if job is None or job.erased_at is not None:
        raise UserError(FORGOTTEN)
    return job


async def kept_job(interaction: Interaction, job_id: int) -> Job:
    """The job of a button, for its owner, with its pictures.

    Raises:
        UserError: if it is somebody else's, or its pictures are not kept any more.
    """
    job = await known_job(interaction, job_id)
    if job.user_id != interaction.user.id:
        raise not_yours(interaction, job)
    if job.pictures_deleted_at is not None:
        raise UserError(NOT_KEPT)
    return job


async def open_job(interaction: Interaction, job_id: int) -> Job:
    """The job of a button that anybody may use who sees a public picture, on their own account.

    Raises:
        UserError: if it is somebody else's and not public here, or its pictures are not kept.
    """
    job = await known_job(interaction, job_id)
    if job.user_id != interaction.user.id and (
        not may(Right.POST, interaction, job) or await was_removed(interaction, job)
    ):
        raise not_yours(interaction, job)
    if job.pictures_deleted_at is not None:
        raise UserError(NOT_KEPT)
    return job


def not_yours(interaction: Interaction, job: Job) -> UserError:
    """That a picture is somebody else's, by no name that they have in another server only."""
    is_here = job.guild_id == interaction.guild_id
    return UserError(NOT_YOURS, user=plain(job.user_name) if is_here else f"<@{job.user_id}>")


def named_here(interaction: Interaction, job: Job) -> Job:
    """A job as it is shown where somebody asks: who shows their own has the name they have there.

    The one that they had where it was painted may be a nickname of another server.
    """
    if job.user_id != interaction.user.id:
        return job
    return replace(job, user_name=interaction.user.display_name)


async def was_removed(interaction: Interaction, job: Job) -> bool:
    """Whether somebody deleted the message of a job, seen from a button that may be under a copy.

    Discord is asked for as long as an acknowledgement can wait.
    """
    if is_own_message(interaction, job):
        return False
    try:
        async with asyncio.timeout(ASKING_SECONDS):
            return await is_removed(interaction.client, job)
    except TimeoutError:
        return False  # as where it cannot be told


def is_own_message(interaction: Interaction, job: Job) -> bool:
    """Whether a button was pressed under the job's own message, and not under a copy."""
    pressed = interaction.message
    return pressed is not None and pressed.id == job.reply.message_id


def check_pictures(job: Job) -> None:
    """Whether the pictures that a job was painted from are still its member's to use.

    Raises:
        UserError: if somebody else brought them, who had their data erased.
    """
    if job.inputs.erased:
        raise UserError(TAKEN_BACK.template)


async def cancel(interaction: Interaction, job: Job) -> CancelOutcome:
    """Cancel a job for the one who asks; so may all who may delete the picture once it is there."""
    may_delete = may(Right.DELETE, interaction, job)
    jobs = interaction.client.queue.jobs
    return await jobs.cancel(job.id, interaction.user.id, by_admin=may_delete)


async def note_look(interaction: Interaction, job: Job) -> None:
    """Write down in the log of the job's server that somebody looks by an admin's right."""
    if by_admins_right(Right.LOOK, interaction, job):
        about = {"job": str(job.id), "user": str(job.user_id)}
        await interaction.client.queue.audit.write(
            job.guild_id, interaction.user.id, "look_at_private", about
        )


async def note_removed(client: Bot, message_ids: set[int]) -> None:
    """Remember that these messages are gone, those of jobs among them."""
    try:
        count = await client.queue.deliveries.mark_removed(message_ids)
        count += await client.queue.gallery.mark_taken_out(message_ids)
    except QueueError as error:
        # The next one who asks for the picture finds its message missing.
        log.info("A deletion could not be written down: %s", error)
        return
    if count:
        log.info("The messages of %d jobs were deleted in Discord", count)


async def is_removed(client: Bot, job: Job) -> bool:
    """Whether the message that everybody saw is gone; where it cannot be told, it is there.

    Asked before a picture is shown again, since a deletion may have come while the bot was away.
    """
    reply = job.reply
    if job.message_removed_at is not None:
        return True
    was_public = reply.bot_in_channel and not reply.ephemeral and job.guild_id is not None
    if not was_public or reply.message_id is None or reply.channel_id is None:
        return False
    channel = client.get_partial_messageable(reply.channel_id, guild_id=job.guild_id)
    try:
        await channel.fetch_message(reply.message_id)
    except (discord.DiscordException, OSError) as error:
        if isinstance(fault_of(error), MessageGone):
            await note_removed(client, {reply.message_id})
            return True
    return False
