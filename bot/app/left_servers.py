"""Servers that removed the bot: what waits there is cancelled after a while, a pause is over.

Nobody can do that any more who is there, and what waits counts against its members elsewhere. They
are told by direct message, where they take one; their messages in the server cannot be edited. A
server's limits, defaults, blocks and styles stay for its return, for `SETTINGS_KEPT_DAYS`.

A server that installed the commands without the bot has removed nothing. What waits there is
reached by its interactions alone, as what users bring along; what it set stays while it is used.
"""

import asyncio
import logging
import time

from bot.kit import Bot, Feature, Service
from common.logs import log_ids
from jobs.changing.audit import COMMAND_LINE, SERVER_LEFT
from jobs.outcomes import QueueError

log = logging.getLogger(__name__)

LOOK_SECONDS = 300.0
NOTE_SECONDS = 3600.0
"""Between two times of noting in which servers the bot is."""
WRONG_SECONDS = 3600.0
"""A clock that is wrong by more than this says nothing of days."""
GRACE_SECONDS = 3600.0
"""How long the bot may be away from a server by mistake."""


class LeftServers(Service):
    """Looks now and then whether somebody waits in a server that the bot is not in."""

    def __init__(self, client: Bot) -> None:
        super().__init__(client)
        self._missed_since: dict[int, float] = {}
        self._noted_at = float("-inf")

    async def start(self) -> None:
        """Begin to look."""
        self._run_beside(self._run(), "left servers")

    async def _run(self) -> None:
        while True:
            await self._client.wait_until_ready()  # the servers are known then
            try:
                await self.look()
                if time.monotonic() - self._noted_at > NOTE_SECONDS:
                    await self.note()
            except QueueError as error:
                log.info("The servers that the bot left have to wait: %s", error)
            except Exception:
                log.exception("Error in looking after servers that the bot left")
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Cancel what waits in servers that have been missing for long enough.

        One with an outage is not missing: Discord goes on to name it.
        """
        queue, now = self._client.queue, time.monotonic()
        waiting = await queue.jobs.waiting_of(self._client.application_id or 0)
        here = {guild.id for guild in self._client.guilds}
        gone = {guild_id for job in waiting if (guild_id := job.guild_id) and guild_id not in here}
        if not self._client.is_ready():  # it is being told anew where it is
            return
        self._missed_since = {each: self._missed_since.get(each, now) for each in gone}
        left = {each for each in gone if now - self._missed_since[each] >= GRACE_SECONDS}
        for job in waiting:
            if job.guild_id in left:
                await queue.jobs.remove(job.id, SERVER_LEFT)
        for guild_id in left:
            with log_ids(server=guild_id):
                log.info("The bot is no longer in a server; what waited there is cancelled")
                await queue.pauses.resume(guild_id, COMMAND_LINE)

    async def note(self) -> None:
        """Note which servers are gone, and forget what those set that are for long."""
        client = self._client
        ahead = client.traffic.ahead_of_discord((await client.queue.now()).timestamp())
        if abs(ahead) > WRONG_SECONDS or not client.is_ready():
            return
        used = set(client.only_commands)
        here = {guild.id for guild in client.guilds} | used
        for guild_id in await client.queue.servers.note(client.application_id or 0, here):
            with log_ids(server=guild_id):
                log.info("What a server set is deleted: it removed the bot long ago")
        client.only_commands -= used
        self._noted_at = time.monotonic()


FEATURE = Feature(services=(LeftServers,))
