"""The channels of jobs' messages; archived threads are opened again."""

import discord

from bot.kit import Bot
from jobs.model import Job


def channel_of(client: Bot, job: Job) -> discord.PartialMessageable:
    """The channel of a job's message, which must be known."""
    assert job.reply.channel_id is not None
    guild_id = None if job.came_by_dm else job.guild_id
    return client.get_partial_messageable(job.reply.channel_id, guild_id=guild_id)


async def reopen_thread(client: discord.Client, channel_id: int) -> bool:
    """Open an archived thread again, as a new message in it would.

    Returns:
        Whether it is open now; a locked one stays closed, also where the bot could open it.

    Raises:
        discord.HTTPException, OSError: It cannot be opened.
    """
    thread = await client.fetch_channel(channel_id)
    if not isinstance(thread, discord.Thread) or thread.locked:
        return False
    if thread.archived:
        await thread.edit(archived=False)
    return True
