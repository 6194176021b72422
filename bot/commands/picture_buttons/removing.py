"""Removing the message of a job, wherever the button for it was pressed."""

import logging

import discord

from bot.kit import Bot
from bot.wire.original_response import ORIGINAL, Originals
from jobs.model import Job

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
        webhook = Originals(client).webhook(reply.application_id, reply.interaction_token)
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
