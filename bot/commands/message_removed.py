"""What somebody deletes in Discord stays deleted: the bot hears of it, or finds it missing."""

import logging

import discord

from bot.kit import Bot
from bot.wire.faults import MessageGone, fault_of
from jobs.model import Job
from jobs.outcomes import QueueError

log = logging.getLogger(__name__)


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
