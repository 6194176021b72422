"""Tells members that their picture is ready, by a message that mentions only them.

The picture's own message cannot do that: Discord notifies nobody of an edit.
"""

import asyncio
import contextlib
import logging
from functools import partial

import aiohttp
import discord

from bot.kit import Bot, Feature, Service, cancel
from bot.texts import Texts, texts_for
from bot.ui.words import message_address
from bot.wire.channels import channel_of
from bot.wire.faults import BACKOFF, MAY_NOT_REPLY, TryLater, Unclear, fault_of
from bot.wire.in_flight import InFlight, track_requests
from bot.wire.original_response import token_works, webhook_of
from jobs.execution.job_log import job_log_ids
from jobs.model import Job, JobState
from jobs.outcomes import QueueError

log = logging.getLogger(__name__)

LONG_SECONDS = 60.0
"""Members who waited longer may not be watching any more."""
TRIES = 6
ANSWER_SECONDS = 30.0
"""Timeout of a request; one that a lost connection swallowed gets no response."""
STOP_SECONDS = 3.0
_End = tuple[int, int]
"""A job's ID and its revision: one that was queued again ends again."""


class Notifier(Service):
    """Sends the notifications. The next start sends those that a stop interrupted."""

    def __init__(self, client: Bot) -> None:
        super().__init__(client)
        self._tasks: dict[_End, asyncio.Task[None]] = {}
        self._sent: set[_End] = set()
        """Those of which the member was notified, and that are not yet marked so."""

    async def start(self) -> None:
        """Resume what an earlier run left."""
        await self.resume()

    async def resume(self) -> None:
        """Notify of all jobs that are marked as delivered but not as announced."""
        application_id = self._client.application_id or 0
        for job in await self._client.queue.deliveries.unannounced(application_id):
            self.tell(job)

    async def stop(self) -> None:
        """Finish the notifications in flight."""
        tasks = list(self._tasks.values())
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_SECONDS)
        await cancel(*tasks)

    def tell(self, job: Job) -> None:
        """Notify the member of a job that it has ended, if they want that."""
        end = (job.id, job.revision)
        if end in self._tasks:
            return
        with job_log_ids(job):
            task = asyncio.create_task(self._tell(job), name=f"notify-{job.id}")
        self._tasks[end] = task
        task.add_done_callback(lambda _task: self._tasks.pop(end, None))

    async def _tell(self, job: Job) -> None:
        end = (job.id, job.revision)
        try:
            if end not in self._sent and is_wanted(job):
                await self._send(job)
            self._sent.add(end)
            await self._client.queue.deliveries.mark_announced(*end)
            self._sent.discard(end)
        except QueueError as error:
            log.info("Job %d: that its member was told cannot be noted: %s", job.id, error)
        except Exception:
            log.exception("The member of job %d could not be told of it", job.id)

    async def _send(self, job: Job) -> None:
        """Send it to the picture's channel; else by the interaction token; else by DM."""
        routes = [self._by_dm]
        if token_works(self._client, job.reply):
            routes.insert(0, self._by_token)
        if job.reply.is_public:
            routes.insert(0, self._by_bot)
        words = _words(texts_for(job.reply.locale), job)
        for route in routes:
            if route == self._by_token:
                # Beforehand, as a followup has no nonce: the next start could send it twice.
                with contextlib.suppress(QueueError):
                    await self._client.queue.deliveries.mark_announced(job.id, job.revision)
            for failures in range(TRIES):
                requests = track_requests()
                try:
                    async with asyncio.timeout(ANSWER_SECONDS):
                        await route(job, words)
                except Exception as error:  # noqa: BLE001 - `fault_of` classifies every error
                    fault = fault_of(error)
                    if route == self._by_token and _may_be_sent(error, requests):
                        log.info("Job %d: its member was told, as far as is known", job.id)
                        return  # a followup has no nonce, so a retry could send it twice
                else:
                    return
                if not isinstance(fault, TryLater | Unclear):
                    log.info("Job %d: its member cannot be told one way: %s", job.id, fault)
                    break
                asked = fault.seconds if isinstance(fault, TryLater) else None
                await asyncio.sleep(BACKOFF.seconds(failures, asked))

    async def _by_bot(self, job: Job, words: str) -> None:
        channel, message_id = channel_of(self._client, job), job.reply.message_id
        send = partial(
            channel.send,
            words,
            allowed_mentions=_only(job),
            nonce=_nonce(job),
            suppress_embeds=True,
        )
        if message_id is None:
            await send()
            return
        shown = discord.MessageReference(
            message_id=message_id,
            channel_id=channel.id,
            guild_id=job.guild_id,
            fail_if_not_exists=False,
        )
        try:
            await send(reference=shown)
        except discord.HTTPException as error:
            if error.code != MAY_NOT_REPLY:
                raise
            await send()

    async def _by_token(self, job: Job, words: str) -> None:
        webhook = webhook_of(self._client, job.reply)
        await webhook.send(
            words, ephemeral=job.reply.ephemeral, allowed_mentions=_only(job), suppress_embeds=True
        )

    async def _by_dm(self, job: Job, words: str) -> None:
        dm = await self._client.create_dm(discord.Object(job.user_id))
        await dm.send(words, allowed_mentions=_only(job), nonce=_nonce(job), suppress_embeds=True)


def is_wanted(job: Job) -> bool:
    """Whether to notify the member: only of an end that they did not cause themselves."""
    if job.state not in {JobState.DONE, JobState.FAILED} or job.ended_at is None:
        return False
    if job.erased_at is not None or job.pictures_deleted_at is not None:
        return False
    if job.notified_at is not None:
        return False
    match job.reply.notify:
        case "yes":
            return True
        case "no":
            return False
        case "long":
            return (job.ended_at - job.created_at).total_seconds() > LONG_SECONDS


def _words(t: Texts, job: Job) -> str:
    user, link = f"<@{job.user_id}>", message_address(job)
    if job.state is JobState.FAILED and job.versions:
        return t("{user}, some of your pictures could not be painted: {link}", user=user, link=link)
    if job.state is JobState.FAILED:
        return t("{user}, your picture could not be painted: {link}", user=user, link=link)
    return t("{user}, your picture is ready: {link}", user=user, link=link)


def _may_be_sent(error: Exception, requests: InFlight) -> bool:
    """Whether a request without a response may have been carried out.

    It may also have timed out while it waited for a rate limit; then it was not.
    """
    no_answer = isinstance(error, aiohttp.ClientError | OSError)  # includes TimeoutError
    return no_answer and (requests.is_lost or requests.is_done)


def _only(job: Job) -> discord.AllowedMentions:
    return discord.AllowedMentions(
        everyone=False, roles=False, users=[discord.Object(job.user_id)], replied_user=False
    )


def _nonce(job: Job) -> str:
    return f"ready-{job.id}-{job.revision}"[-25:]


FEATURE = Feature(services=(Notifier,))
