"""The loop that makes every message show what the database says.

All edits of jobs' messages are made here, from the database alone. So a bot that starts after a
crash resumes where the last one ended, and each message has a single writer.
"""

import asyncio
import logging
from collections.abc import Sequence
from enum import StrEnum

from bot.delivery.job_presenter import JobPresenter, Outcome, RetryLater, Undeliverable
from bot.delivery.notifier import Notifier, is_wanted
from bot.delivery.presentations import FailureCounts
from bot.delivery.routes import Routes, SentMessage
from bot.delivery.tracked_message import TrackedMessage, differs, passing_time
from bot.kit import Bot, Feature, Service, cancel
from bot.wire.in_flight import track_requests
from bot.wire.original_response import is_mine
from jobs.execution.job_log import job_log_ids
from jobs.model import Job, JobState
from jobs.outcomes import QueueError

log = logging.getLogger(__name__)

ROUND_SECONDS = 0.1  # minimum between two polls of the database
IDLE_SECONDS = 1.0
PLACES_SECONDS = 2.5
EDIT_SECONDS = 2.5  # minimum between two edits of one message
PLACE_EDIT_SECONDS = 5.0  # the same, if only its place or time has changed
MESSAGES_AT_FULL_PACE = 10
STOP_SECONDS = 8.0
EDITS_AT_ONCE = 6
JOBS_AT_ONCE = 500


class Edit(StrEnum):
    """What an edit of a message shows."""

    PLACE = "place"
    PREVIEW = "preview"
    RESULT = "result"


def _edit_of(message: TrackedMessage) -> Edit:
    if message.is_final:
        return Edit.RESULT
    return Edit.PREVIEW if message.is_painting else Edit.PLACE


class DeliveryLoop(Service):
    """See the module."""

    def __init__(self, client: Bot) -> None:
        super().__init__(client)
        self._routes = Routes(client)
        self._presenter = JobPresenter(client, self._routes)
        self._messages: dict[int, TrackedMessage] = {}
        # Apart, so that neither results nor previews stand behind hundreds of places.
        self._slots = {kind: asyncio.Semaphore(EDITS_AT_ONCE) for kind in Edit}
        self._painting = 0
        """Number of messages whose job is being painted."""
        self._places_at = float("-inf")
        self._newest_before: int | None = None
        """The newest job ID when this run began; a timestamp could be wrong, as clocks are set."""
        self._is_unsure = False
        """Whether the queue failed, so that a ready notification may have been skipped."""

    async def start(self) -> None:
        """Start the loop."""
        self._run_in_background(self._run(), "delivery")
        self._client.when_connected.append(self._try_now)

    async def stop(self) -> None:
        """Finish the edits in flight; the next start resumes the rest from the database."""
        await super().stop()
        tasks = [message.task for message in self._messages.values() if message.task]
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_SECONDS)
        await cancel(*tasks)

    def _try_now(self) -> None:
        """Cut backoff pauses short: after an outage, nobody should wait out a long one."""
        for message in self._messages.values():
            if message.failures > 1:
                message.not_before = float("-inf")

    async def _run(self) -> None:
        while True:
            try:
                await self._round()
                await self._client.queue.wait_for_change(self._wait_seconds())
            except QueueError as error:
                log.warning("The queue does not answer: %s", error)
                await asyncio.sleep(IDLE_SECONDS)
            except Exception:
                log.exception("Error in the delivery loop")
                await asyncio.sleep(IDLE_SECONDS)
            await asyncio.sleep(ROUND_SECONDS)

    async def _round(self) -> None:
        now = self._now()
        if self._newest_before is None:
            self._newest_before = await self._client.queue.deliveries.newest()
        application_id = self._client.application_id or 0
        due = await self._client.queue.deliveries.due(JOBS_AT_ONCE, application_id)
        if self._is_unsure:
            await self._client.service(Notifier).resume()
            self._is_unsure = False
        self._deliver_those_due(due, now)
        jobs = {job.id for job in due}
        # After that, as it asks the database for much.
        if now - self._places_at >= PLACES_SECONDS:
            self._places_at = now
            moved = (*await self._with_changed_position(), *await self._with_passed_time())
            self._deliver_those_due([job for job in moved if job.id not in jobs], now)
            jobs.update(job.id for job in moved)
        for job_id, message in list(self._messages.items()):
            if job_id not in jobs and message.is_final and message.task is None:
                del self._messages[job_id]  # its final state was delivered

    def _message_of(self, job: Job) -> TrackedMessage:
        """What is known of a job's message; an earlier process may have an edit in flight."""
        interaction_id = job.reply.interaction_id
        known = self._messages.get(job.id)
        if known is None or (known.interaction_id != interaction_id and known.task is None):
            # After an undone deletion the job has another message.
            older = known is None and (self._newest_before is None or job.id <= self._newest_before)
            self._messages[job.id] = known = TrackedMessage(interaction_id, unsettled=older)
        return known

    def _deliver_those_due(self, jobs: Sequence[Job], now: float) -> None:
        """Start the deliveries that are due, those of ended jobs first."""
        for job in jobs:
            self._message_of(job).is_painting = job.state is JobState.RUNNING
        self._painting = sum(message.is_painting for message in self._messages.values())
        for job in sorted(jobs, key=lambda job: not job.state.ended):
            self._deliver_if_due(job, now)

    def _deliver_if_due(self, job: Job, now: float) -> None:
        """Start a delivery of a job's state, if one is due."""
        message = self._message_of(job)
        ended = job.state.ended
        if message.task is not None:
            if ended:
                message.cancel_stale_edit(now)
            return
        if ended and not message.final_failed and message.final is None:
            message.not_before = float("-inf")
        if now < message.not_before or (message.is_gone and not ended):
            return
        if not ended and now - message.edited_at < self._min_edit_seconds(job, message):
            return
        message.started_at, message.is_final = now, ended
        with job_log_ids(job):  # for the log lines of the task and of its callback
            message.task = asyncio.create_task(
                self._deliver(job.id, message), name=f"deliver-{job.id}"
            )
            message.task.add_done_callback(lambda task: self._on_task_done(message, task))

    def _min_edit_seconds(self, job: Job, message: TrackedMessage) -> float:
        """Minimum seconds between two edits of a message; grows with the number of its like.

        Places of waiting jobs keep to the number of all messages, previews to that of previews.
        """
        like = self._painting if job.state is JobState.RUNNING else len(self._messages)
        load = max(1.0, like / MESSAGES_AT_FULL_PACE)
        only_place = message.position_is_old and job.revision <= job.shown_revision
        seconds = PLACE_EDIT_SECONDS if only_place else EDIT_SECONDS
        if not self._routes.token_works(job):
            seconds *= 2  # edits by the bot's own token share the channel's rate limit
        return seconds * load

    async def _deliver(self, job_id: int, message: TrackedMessage) -> None:
        """Bring a job's newest state to its message, and record the outcome."""
        queue = self._client.queue
        message.requests = track_requests()
        async with self._slots[_edit_of(message)]:
            found = await queue.positions.job(job_id)
            if found is None:
                return
            job, position = found
            if job.state.ended and not message.is_final:
                return  # the next round delivers the final state, as such
            if job.reply.interaction_id != message.interaction_id:
                return  # the job has another message by now
            if not job.state.ended:
                message.final = None  # an admin may have undone its cancellation
            elif message.final is not None and message.final_revision != job.revision:
                message.final = None  # the same, and it has ended once more
            elif message.final is not None and await self._final_state_stays(
                job, message, message.final
            ):
                return
            attempt = await queue.deliveries.count_attempt(job_id) if job.state.ended else 1
            passes_at = passing_time(position)
            outcome = await self._presenter.show(
                job, position, message.failure_counts, attempt=attempt
            )
        message.edited_at = self._now()
        if isinstance(outcome, SentMessage):
            message.note_shown(position, passes_at)
        await self._record_outcome(job, message, outcome)

    async def _record_outcome(self, job: Job, message: TrackedMessage, outcome: Outcome) -> None:
        queue, ended = self._client.queue, job.state.ended
        match outcome:
            case SentMessage(how, message_id, channel_id, _):
                message.failures, message.failure_counts = 0, FailureCounts()
                if job.reply.message_id is None and how != "dm":
                    await queue.deliveries.set_message(
                        job.id, channel_id, message_id, reply=job.reply
                    )
                if not ended:
                    await queue.deliveries.mark_shown(job.id, job.revision)
                elif not message.watch(outcome, job.revision, self._now()):
                    await self._mark_delivered(job, outcome)
            case RetryLater(seconds):
                message.final_failed = ended
                message.wait(self._now(), seconds)
            case Undeliverable(reason):
                message.is_gone = True
                if ended:
                    log.warning("Job %d cannot be shown: %s", job.id, reason)
                    await queue.deliveries.mark_undeliverable(job.id, reason, revision=job.revision)
                else:
                    await queue.deliveries.mark_shown(job.id, job.revision)

    async def _final_state_stays(
        self, job: Job, message: TrackedMessage, shown: SentMessage
    ) -> bool:
        """Check a delivered final state that an older edit in flight may have overwritten.

        Returns:
            False if it was overwritten and has to be shown again.
        """
        match await self._presenter.is_unchanged(job, shown):
            case RetryLater(seconds):
                message.wait(self._now(), seconds)
            case True:
                message.failures = 0
                if not message.watch(shown, job.revision, self._now()):
                    await self._mark_delivered(job, shown)
            case False:
                log.warning("The end of job %d was overwritten; it is shown again", job.id)
                message.final = None
                return False
        return True

    async def _mark_delivered(self, job: Job, shown: SentMessage) -> None:
        tells_by_itself = shown.how in {"dm", "post"}  # a new message notifies; an edit does not
        is_over = tells_by_itself or not is_wanted(job)
        delivered = await self._client.queue.deliveries.mark_delivered(
            job.id,
            how=shown.how,
            message_id=shown.message_id,
            channel_id=shown.channel_id,
            announced=is_over,
            revision=job.revision,
        )
        if delivered is not None and not is_over:
            self._client.service(Notifier).tell(delivered)

    async def _with_changed_position(self) -> list[Job]:
        """Waiting jobs whose place or time differs from what their message says."""
        moved = []
        for job, position in await self._client.queue.positions.all_waiting(limit=JOBS_AT_ONCE):
            if not is_mine(self._client, job.reply):
                continue
            message = self._message_of(job)
            if differs(message.position, position):
                message.position_is_old = True
                moved.append(job)
        return moved

    async def _with_passed_time(self) -> list[Job]:
        """Unfinished jobs whose message says a time that has passed or is about to."""
        late = []
        for job_id, message in list(self._messages.items()):
            if message.time_passes and not message.is_gone:
                job = await self._client.queue.jobs.get(job_id)
                if job is not None and not job.state.ended:
                    message.position_is_old = True
                    late.append(job)
        return late

    def _wait_seconds(self) -> float:
        now = self._now()
        due = [message.not_before - now for message in self._messages.values()]
        return max(ROUND_SECONDS, min([IDLE_SECONDS, *(wait for wait in due if wait > 0)]))

    def _on_task_done(self, message: TrackedMessage, task: asyncio.Task[None]) -> None:
        message.task_ended()
        if task.cancelled() or (error := task.exception()) is None:
            return
        if isinstance(error, QueueError):
            log.warning("A delivery has to wait: %s", error)
            self._is_unsure = True
        else:
            log.error("A delivery went wrong", exc_info=error)
        message.wait(self._now())
        message.final_failed = message.is_final

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


FEATURE = Feature(services=(DeliveryLoop,))
