"""Deletes the messages of deleted pictures that are still there."""

import logging

from bot.commands.job_access import record_removed
from bot.commands.picture_buttons.cancel_and_delete import remove_message
from bot.kit import DISCORD_FAILED, Feature, Service
from common.logs import log_ids

log = logging.getLogger(__name__)

LOOK_SECONDS = 60.0


class DeletedMessages(Service):
    """Completes deletions: the bot may have stopped, or Discord failed, after *Undo* was shown."""

    async def start(self) -> None:
        """Start polling, at once: soon the deletions of an earlier bot may be final."""
        self._run_every(LOOK_SECONDS, "deleting messages", self.remove)

    async def remove(self) -> None:
        """Delete those that are left; Discord may refuse."""
        client = self._client
        for job in await client.queue.retention.left_shown(client.application_id or 0):
            with log_ids(job=job.id, server=job.guild_id):
                try:
                    is_gone = await remove_message(client, job)
                except DISCORD_FAILED as error:
                    log.info("The message of job %d cannot be deleted yet: %s", job.id, error)
                    continue
                if is_gone and job.reply.message_id is not None:
                    await record_removed(client, {job.reply.message_id})


FEATURE = Feature(services=(DeletedMessages,))
