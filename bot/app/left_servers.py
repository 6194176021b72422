"""Servers that removed the bot: their waiting jobs are cancelled after a while, and a pause ends.

Nobody there can cancel these jobs any more, and they count against their members elsewhere. The
members are told by DM if possible, as messages in the server cannot be edited. A server's limits,
defaults, blocks and styles are kept for its return, for `SETTINGS_KEPT_DAYS`.

A server that installed the commands without the bot has removed nothing. Its jobs are reached only
by interaction token, as with user-installed apps; its settings stay while the commands are used.
"""

import logging
import time

from bot.kit import Bot, Feature, Service
from common.logs import log_ids
from jobs.management.audit import COMMAND_LINE, SERVER_LEFT

log = logging.getLogger(__name__)

LOOK_SECONDS = 300.0
NOTE_SECONDS = 3600.0
"""How often to record in which servers the bot is."""
GRACE_SECONDS = 3600.0
"""How long the bot may be away from a server by mistake."""


class LeftServers(Service):
    """Checks periodically for waiting jobs in servers without the bot."""

    def __init__(self, client: Bot) -> None:
        super().__init__(client)
        self._missed_since: dict[int, float] = {}

    async def start(self) -> None:
        """Start the loops."""
        self._run_every(LOOK_SECONDS, "jobs of left servers", self.check_servers, when_ready=True)
        self._run_every(NOTE_SECONDS, "settings of left servers", self.note, when_ready=True)

    async def check_servers(self) -> None:
        """Cancel the jobs of servers that have been missing for long enough.

        A server with an outage is not missing: Discord still lists it.
        """
        queue, now = self._client.queue, time.monotonic()
        waiting = await queue.jobs.waiting_of(self._client.application_id or 0)
        here = {guild.id for guild in self._client.guilds}
        gone = {guild_id for job in waiting if (guild_id := job.guild_id) and guild_id not in here}
        if not self._client.is_ready():  # Discord is sending the list of servers
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
        """Record which servers are missing, and delete the settings of those missing for long."""
        client = self._client
        if client.traffic.ages_are_wrong(await client.queue.now()) or not client.is_ready():
            return
        used = set(client.only_commands)
        here = {guild.id for guild in client.guilds} | used
        for guild_id in await client.queue.left_servers.note(client.application_id or 0, here):
            with log_ids(server=guild_id):
                log.info("What a server set is deleted: it removed the bot long ago")
        client.only_commands -= used


FEATURE = Feature(services=(LeftServers,))
