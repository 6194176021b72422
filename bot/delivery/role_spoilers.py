"""Hides a picture because of a role that its member was given only after asking for it.

A job has the roles of its member at the time of the command. Discord sends role changes only to
bots with the members intent, which this one does without; but it answers requests for one member.
So these are made when a picture is about to be shown, in servers that hide pictures by role.
"""

import asyncio
import logging
from dataclasses import replace

import discord
from cachetools import TTLCache

from bot.kit import DISCORD_FAILED, Bot
from jobs.model import Job
from jobs.outcomes import QueueError

log = logging.getLogger(__name__)

PREVIEW_SECONDS = 30.0
"""How long a member's roles are cached for previews; for a final state Discord is asked anew."""
REMEMBERED = 1000
ASKING_SECONDS = 10.0
"""Timeout of the request, as under a rate limit; the picture waits no longer."""


class RoleSpoilers:
    """Marks pictures of members with certain roles as spoilers just before they are shown."""

    def __init__(self, client: Bot) -> None:
        self._client = client
        self._lately: TTLCache[tuple[int, int], bool] = TTLCache(REMEMBERED, PREVIEW_SECONDS)

    async def applied(self, job: Job) -> Job:
        """The job, as a spoiler if its member has such a role by now.

        If the roles cannot be fetched, the job stays as it is.
        """
        shows = job.result_key is not None or bool(job.versions) or job.preview_key is not None
        guild = self._client.get_guild(job.guild_id) if job.guild_id else None
        if guild is None or job.reply.spoiler or not shows:
            return job
        try:
            async with asyncio.timeout(ASKING_SECONDS):
                is_hidden = await self._is_hidden(guild, job)
            if not is_hidden:
                return job
            await self._client.queue.deliveries.set_alt_text_and_spoiler(job.id, spoiler=True)
        except (QueueError, *DISCORD_FAILED) as error:
            log.info("Whether job %d is to be hidden is not known: %s", job.id, error)
            return job
        return replace(job, reply=replace(job.reply, spoiler=True))

    async def _is_hidden(self, guild: discord.Guild, job: Job) -> bool:
        chosen = await self._client.queue.defaults.of("guild", guild.id)
        if not chosen.spoiler_role_ids:
            return False
        asked = (guild.id, job.user_id)
        if not job.state.ended and asked in self._lately:
            return self._lately[asked]
        member = await guild.fetch_member(job.user_id)
        is_hidden = bool(chosen.for_roles([role.id for role in member.roles]).always_spoiler)
        self._lately[asked] = is_hidden
        return is_hidden
