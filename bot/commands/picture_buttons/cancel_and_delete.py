"""Buttons that end something: cancel a job, delete a picture."""

import contextlib
import logging
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import discord

from bot.cards.job_buttons import Action
from bot.commands import job_access
from bot.commands.gallery_posts import GalleryKeeper
from bot.commands.job_access import (
    FORGOTTEN,
    is_own_message,
    job_in_time,
    known_job,
    not_yours,
    was_removed,
)
from bot.commands.rights import Right, may
from bot.commands.show import check_posting, is_for_others, is_shown_here, show_job
from bot.intake.own_defaults import must_hide_here
from bot.intake.request import reply_as
from bot.kit import DISCORD_FAILED, Bot, Feature, Interaction, UserError
from bot.texts import Texts, _, texts_of
from bot.ui.components import card, own_button, row_of
from bot.ui.people import is_admin
from bot.ui.words import message_address
from bot.wire.acknowledging import acknowledge, read_in_time
from bot.wire.channels import channel_of, reopen_thread
from bot.wire.faults import ThreadArchived, fault_of, is_transient
from bot.wire.original_response import ORIGINAL, token_works, webhook_of, with_retries
from jobs.model import Job
from jobs.outcomes import AlreadyEnded, Cancelled, CancelRequested, NoSuchJob, NotYours
from jobs.privacy.retention import message_removed_first

log = logging.getLogger(__name__)

TOO_LATE = _("This one has already ended, so there is nothing to cancel.")
STILL_THERE = _(
    "I am not allowed to delete its message {link}; please delete it there yourself, or ask an "
    "admin to."
)
STILL_IN_GALLERY = _(
    "I could not delete it in the gallery just now: {link}. I will keep trying for ten "
    "minutes; if it is still there after that, please ask a moderator to delete it."
)
STAYS_IN_THREAD = _(
    "This message stays, because its thread is closed and I may not open it; please ask a "
    "moderator to delete the message, or to open the thread and unlock it."
)
DELETED_BEFORE = _("It was already deleted.")
COPY_DELETED = _("The message was deleted. The picture itself stays with the member it belongs to.")
IS_BACK = _("It is back.")
TOO_LATE_TO_UNDO = _("That was more than ten minutes ago, so it is deleted for good.")


async def cancel(interaction: Interaction, job_id: int) -> None:
    """Cancel an unfinished job.

    Its own message is edited by the delivery; a copy is edited here.
    """
    await acknowledge(interaction)  # the queue may be slow
    job = await known_job(interaction, job_id)
    match await job_access.cancel(interaction, job):
        case Cancelled() | CancelRequested():
            if not is_own_message(interaction, job):
                await show_job(interaction, job_id)
        case AlreadyEnded():
            if not is_own_message(interaction, job):
                await _show_end(interaction, job_id)
            raise UserError(TOO_LATE)
        case NotYours():
            raise not_yours(interaction, job)
        case NoSuchJob():
            raise UserError(FORGOTTEN)


async def _show_end(interaction: Interaction, job_id: int) -> None:
    """Show the final state in a copy of a job's message, if all who see the copy may see that."""
    copy = interaction.message
    to_others = copy is not None and not copy.flags.ephemeral
    with contextlib.suppress(UserError):
        if to_others:
            await check_posting(interaction, job_id)
        await show_job(interaction, job_id, to_others=to_others)


async def delete(interaction: Interaction, job_id: int) -> None:
    """Delete a picture and its messages; for its owner and for moderators of its channel.

    The button may be under a copy made by `/show`, so the job's own message is deleted, too. The
    one with the button goes last: until *Undo* has arrived, *Delete* can be pressed again.
    """
    job = await job_in_time(interaction, job_id)
    client = interaction.client
    if job is None or job.erased_at is not None:
        await _delete_forgotten(interaction, job_id)
        return
    if not may(Right.DELETE, interaction, job):
        if not _moderates_copy(interaction):
            raise not_yours(interaction, job)
        words = texts_of(interaction)(COPY_DELETED)
        await _delete_message(interaction, words, {"job": str(job.id), "user": str(job.user_id)})
        return
    if not job.state.ended:  # undone and waiting again, since the button was shown
        await cancel(interaction, job_id)
        return
    await acknowledge(interaction)
    await was_removed(interaction, job)  # recorded before the bot's own deletion
    await client.queue.retention.delete_soon(job_id, interaction.user.id)
    left = await client.service(GalleryKeeper).take_out(job_id)
    removed = is_own_message(interaction, job) or await remove_message(client, job)
    t = texts_of(interaction)
    # An earlier response may be lost, or somebody else have pressed at the same moment.
    may_undo = await client.queue.retention.may_restore(job_id, interaction.user.id)
    is_new = may_undo and job.pictures_deleted_at is None
    words = t("Deleted. You can undo this for ten minutes.") if is_new else t(DELETED_BEFORE)
    undo = row_of(undo_delete_button.of(t, interaction.user.id, job_id)) if may_undo else None
    if not removed:
        words += "\n" + t(STILL_THERE, link=message_address(job))
    for post in left:
        words += "\n" + t(STILL_IN_GALLERY, link=post.address)
    page = card(words, undo)
    await with_retries(lambda: interaction.followup.send(view=page, ephemeral=True, wait=True))
    await _delete_pressed(interaction)


def _moderates_copy(interaction: Interaction) -> bool:
    """Whether a user pressed under a public copy in a channel that they moderate."""
    pressed = interaction.message
    if interaction.guild_id is None or pressed is None or pressed.flags.ephemeral:
        return False
    is_moderator = interaction.permissions.manage_messages
    return is_moderator or is_admin(interaction, interaction.client.settings)


async def _delete_forgotten(interaction: Interaction, job_id: int) -> None:
    """Delete the message of a picture of which nothing is stored any more.

    Its member may do that if they asked for the message: in Discord only moderators could.
    """
    asked = interaction.message.interaction_metadata if interaction.message else None
    is_theirs = asked is not None and asked.user.id == interaction.user.id
    if not is_theirs and not interaction.context.dm_channel and not _moderates_copy(interaction):
        raise UserError(FORGOTTEN)
    noted = None if is_theirs or interaction.guild_id is None else {"job": str(job_id)}
    await _delete_message(interaction, texts_of(interaction)("The message was deleted."), noted)


async def _delete_message(
    interaction: Interaction, words: str, noted: Mapping[str, str] | None
) -> None:
    """Delete only the message under which the user pressed.

    Args:
        interaction: The press.
        words: What to tell them.
        noted: The entry in the server's audit log, if they do so as an admin or moderator.
    """
    await acknowledge(interaction)
    if noted is not None:
        audit = interaction.client.queue.audit
        await audit.write(interaction.guild_id, interaction.user.id, "delete_copy", noted)
    await _delete_pressed(interaction)
    page = card(words)
    await with_retries(lambda: interaction.followup.send(view=page, ephemeral=True, wait=True))


async def _delete_pressed(interaction: Interaction) -> None:
    """Delete the message under which the user pressed, also in an archived thread.

    Raises:
        UserError: The thread stays closed, and the message with it.
    """
    delete_it = partial(with_retries, interaction.delete_original_response)
    with contextlib.suppress(discord.NotFound):
        try:
            await delete_it()
        except discord.HTTPException as error:
            if not isinstance(fault_of(error), ThreadArchived):
                raise
            if not await _is_reopened(interaction.client, interaction.channel_id):
                raise UserError(STAYS_IN_THREAD) from None
            await delete_it()


@own_button("undelete", _("Undo"), emoji="↩️")
async def undo_delete_button(interaction: Interaction, t: Texts, job_id: int) -> None:
    """Undoes a deletion, for whoever deleted."""
    queue = interaction.client.queue
    job = await known_job(interaction, job_id)
    if not may(Right.DELETE, interaction, job):  # the permission may have been removed since
        raise not_yours(interaction, job)
    if job.pictures_deleted_at is None:
        raise UserError(IS_BACK)
    if job.pictures_deleted_at <= await read_in_time(interaction, queue.now()):
        raise UserError(TOO_LATE_TO_UNDO)
    stood = job if message_removed_first(job) else replace(job, message_removed_at=None)
    # A message deleted in Discord stays deleted, and what was not visible here is not shown here.
    alone = not is_shown_here(interaction, stood) or not await is_for_others(interaction, stood)
    hidden = job.reply.spoiler or await read_in_time(interaction, must_hide_here(interaction))
    message_id = await acknowledge(interaction, ephemeral=alone, thinking=True)
    was, reply = job.reply, reply_as(interaction, job.reply)
    is_for_me = alone or job.user_id == interaction.user.id
    reply = replace(
        reply,
        locale=reply.locale if is_for_me else was.locale,
        ephemeral=alone,
        spoiler=hidden,
        message_id=message_id,
        notes=was.notes,
        alt_text=was.alt_text,
    )
    if await queue.retention.restore(job_id, interaction.user.id, reply) is None:
        now = await queue.jobs.get(job_id)  # another press may have been faster
        is_back = now is not None and now.pictures_deleted_at is None
        raise UserError(IS_BACK if is_back else TOO_LATE_TO_UNDO)
    if job.message_removed_at is None:  # as if the bot died while it deleted it
        with contextlib.suppress(*DISCORD_FAILED):
            await remove_message(interaction.client, job)
    if interaction.message is not None:  # the message is outdated
        with contextlib.suppress(*DISCORD_FAILED):
            await interaction.followup.edit_message(interaction.message.id, view=card(t(IS_BACK)))


async def remove_message(client: Bot, job: Job) -> bool:
    """Delete a job's message, also in an archived thread, which stays open then.

    Returns:
        Whether nobody can see it any more; False if the bot may not delete it.

    Raises:
        discord.HTTPException: A transient error; a retry may work.
    """
    try:
        return await _delete_message_of(client, job)
    except discord.HTTPException as error:
        if not isinstance(fault_of(error), ThreadArchived):
            raise
        if not await _is_reopened(client, job.reply.channel_id):
            return False
        return await _delete_message_of(client, job)


async def _is_reopened(client: Bot, channel_id: int | None) -> bool:
    """Open an archived thread again; returns whether it is open now.

    Raises:
        discord.HTTPException: A transient error; a retry may work.
    """
    if channel_id is None:
        return False
    try:
        return await reopen_thread(client, channel_id)
    except (discord.Forbidden, discord.NotFound) as refused:
        if is_transient(refused):
            raise
        return False


async def _delete_message_of(client: Bot, job: Job) -> bool:
    """Delete it by the interaction's token while that is valid, else by the bot's own."""
    reply = job.reply
    was_there = await _delete_response(client, job)
    if was_there and not job.came_by_dm:
        return True
    if reply.message_id is None or reply.channel_id is None:
        return True  # as far as is known there never was one
    try:
        await channel_of(client, job).get_partial_message(reply.message_id).delete()
    except discord.NotFound:
        return True
    except discord.Forbidden as error:
        if is_transient(error):
            raise
        log.info("The message of job %d could not be removed: %s", job.id, error)
        return was_there is False
    return True


async def _delete_response(client: Bot, job: Job) -> bool | None:
    """Delete the response to a job's interaction by its token.

    If the picture was sent by DM, the response at most says how it was painted.

    Returns:
        Whether it was there; None if that is not known.
    """
    if not token_works(client, job.reply):
        return None
    try:
        await webhook_of(client, job.reply).delete_message(ORIGINAL)
    except discord.NotFound:
        return False  # or the picture was sent to the user's DMs
    except discord.HTTPException as error:
        if error.status != 401 and not job.came_by_dm:
            raise
        return None
    return True


FEATURE = Feature(
    buttons=(undo_delete_button,), picture_actions={Action.DELETE: delete, Action.CANCEL: cancel}
)
