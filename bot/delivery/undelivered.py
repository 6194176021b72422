"""Tells users, at their next command, of pictures that could not be delivered."""

import asyncio
import logging
from typing import Any

import discord

from bot.kit import Bot, Feature, Service
from bot.texts import Texts, texts_for, texts_of
from bot.wire.acknowledging import RESPONSE_DEFERRED
from bot.wire.original_response import webhook_of
from jobs.model import Job
from jobs.outcomes import QueueError

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
LOOKS = 60


class UndeliveredNotice(Service):
    """Says once, ephemerally, how many pictures could not be delivered."""

    def __init__(self, client: Bot) -> None:
        super().__init__(client)
        self._telling: set[int] = set()

    async def start(self) -> None:
        """Run after each command."""
        self._client.after_command.append(self.tell_after)

    async def tell_after(self, interaction: discord.Interaction[Any]) -> None:
        """Send a followup to a command, if there is something to tell. Never raises."""
        answered = interaction.response.type
        if interaction.extras.get(RESPONSE_DEFERRED) or answered in {
            None,
            discord.InteractionResponseType.modal,
        }:
            return
        await self._tell(interaction.user.id, texts_of(interaction), interaction.followup)

    async def tell_once_shown(self, job: Job) -> None:
        """Send a followup once the message of a new job is shown. Never raises."""
        if not await self._pictures_of(job.user_id) or not await self._is_shown(job.id):
            return
        webhook = webhook_of(self._client, job.reply)
        await self._tell(job.user_id, texts_for(job.reply.locale), webhook)

    async def _is_shown(self, job_id: int) -> bool:
        """Wait for a job's message; False if it is not shown in time.

        Then the next command may tell.
        """
        for _look in range(LOOKS):
            await asyncio.sleep(LOOK_SECONDS)
            if not self._client.accepting:
                return False
            try:
                job = await self._client.queue.jobs.get(job_id)
            except QueueError:
                continue
            if job is None or job.shown_revision or job.delivered_at is not None:
                return job is not None
        return False

    async def _tell(self, user_id: int, t: Texts, webhook: discord.Webhook) -> None:
        if user_id in self._telling:
            return
        self._telling.add(user_id)
        try:
            job_ids = await self._pictures_of(user_id)
            if job_ids:
                words = t.plural(
                    "{count} finished picture of yours could not be delivered: its message was "
                    "gone, and I could not write to you. /history has it.",
                    "{count} finished pictures of yours could not be delivered: their messages "
                    "were gone, and I could not write to you. /history has them.",
                    count=len(job_ids),
                )
                await webhook.send(words, ephemeral=True, wait=True)
                await self._client.queue.deliveries.mark_told(job_ids)
        except Exception as error:  # noqa: BLE001 - their next command tells them
            log.info("User %d could not be told of undelivered pictures: %s", user_id, error)
        finally:
            self._telling.discard(user_id)

    async def _pictures_of(self, user_id: int) -> list[int]:
        try:
            return await self._client.queue.deliveries.undelivered(
                user_id, self._client.application_id or 0
            )
        except QueueError as error:
            log.info("Undelivered pictures could not be looked up: %s", error)
            return []


FEATURE = Feature(services=(UndeliveredNotice,))
