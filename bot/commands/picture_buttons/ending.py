"""Buttons that end something: cancel a job, delete a picture."""

import contextlib
import logging

import discord

from bot.cards.job_buttons import Action
from bot.commands import job_access
from bot.commands.job_access import FORGOTTEN, NOT_YOURS, known_job, note_admins_act
from bot.commands.rights import Right, by_admins_right, may
from bot.commands.show import show_job
from bot.kit import Bot, Feature, Interaction
from bot.texts import _, texts_of
from bot.ui.plain import plain
from bot.wire.acknowledging import acknowledge
from bot.wire.errors import UserProblem
from bot.wire.original_response import ORIGINAL, webhook_of
from jobs.model import Job
from jobs.outcomes import AlreadyEnded, Cancelled, CancelRequested, NoSuchJob, NotYours

TOO_LATE = _("This one has already ended, so there is nothing to cancel.")
STILL_THERE = _(
    "The picture is deleted, but I may not remove its message {link}; please delete it there "
    "yourself, or ask an admin to."
)


async def cancel(interaction: Interaction, job_id: int) -> None:
    """Stop a job that waits or is painted; its message then says so by itself, a copy does here."""
    await acknowledge(interaction)  # the queue may be slow
    job = await known_job(interaction, job_id)
    match await job_access.cancel(interaction, job):
        case Cancelled() | CancelRequested():
            if not _is_own_message(interaction, job):
                await show_job(interaction, job_id)
        case AlreadyEnded():
            raise UserProblem(TOO_LATE)
        case NotYours():
            raise UserProblem(NOT_YOURS, user=plain(job.user_name))
        case NoSuchJob():
            raise UserProblem(FORGOTTEN)


async def delete(interaction: Interaction, job_id: int) -> None:
    """Delete a picture, stored and shown; for its owner and for moderators of its channel.

    The button may stand under a copy that `/show` made, so the job's own message goes, too.
    """
    job = await known_job(interaction, job_id)
    client = interaction.client
    if not may(Right.DELETE, interaction, job):
        raise UserProblem(NOT_YOURS, user=plain(job.user_name))
    by_admin = by_admins_right(Right.DELETE, interaction, job)
    await acknowledge(interaction)
    await client.queue.retention.delete_result(job_id, interaction.user.id, by_admin)
    if by_admin:
        await note_admins_act(interaction, "delete_picture", job)
    removed = _is_own_message(interaction, job) or await remove_message(client, job)
    with contextlib.suppress(discord.NotFound):
        await interaction.delete_original_response()
    if not removed:
        t = texts_of(interaction)
        await interaction.followup.send(t(STILL_THERE, link=address_of(job)), ephemeral=True)


def _is_own_message(interaction: Interaction, job: Job) -> bool:
    """Whether the button was pressed under the job's own message, and not under a copy."""
    pressed = interaction.message
    return pressed is not None and pressed.id == job.reply.message_id


log = logging.getLogger(__name__)


async def remove_message(client: Bot, job: Job) -> bool:
    """Delete the message that shows a job: by its token while that works, else by the bot's own.

    Returns:
        Whether nobody sees it there any more; False where the bot may not delete it.

    Raises:
        discord.HTTPException: if Discord is troubled; the same again may work.
    """
    reply = job.reply
    was_gone = False
    if client.clock() < reply.token_expires_at.timestamp():
        webhook = webhook_of(client, reply.application_id, reply.interaction_token)
        try:
            await webhook.delete_message(ORIGINAL)
        except discord.NotFound:
            was_gone = True  # or it was sent to the user's DMs instead
        except discord.HTTPException as error:
            if error.status != 401:
                raise
        else:
            return True
    if reply.message_id is None or reply.channel_id is None:
        return True  # there never was one, as far as is known
    channel = client.get_partial_messageable(reply.channel_id, guild_id=job.guild_id)
    try:
        await channel.get_partial_message(reply.message_id).delete()
    except discord.NotFound:
        return True
    except discord.Forbidden as error:
        log.info("The message of job %d could not be removed: %s", job.id, error)
        return was_gone
    return True


def address_of(job: Job) -> str:
    """Where the message is, for a user to go to."""
    reply = job.reply
    guild = "@me" if job.guild_id is None else job.guild_id
    return f"https://discord.com/channels/{guild}/{reply.channel_id}/{reply.message_id}"


FEATURE = Feature(picture_actions={Action.DELETE: delete, Action.CANCEL: cancel})
