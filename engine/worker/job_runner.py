"""One claimed job: paint it in the thread, keep its lease, write how it ended.

What goes wrong is either the job's fault, which ends the job, or that of the infrastructure (store,
disk, device, database), which costs it nothing: it goes back to its place.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial

from common.logs import redacted
from common.sentences import sentence
from common.store import PictureMissingError, StorageUnavailableError
from engine.worker import health
from engine.worker.failures import store_failure
from engine.worker.health import EngineHealth, EngineInTroubleError
from engine.worker.job_handle import CHECKPOINT_GONE, EarlierWork, JobHandle, StopReason
from engine.worker.lease import LeaseKeeper, NotStoppedError, sleep_unless
from engine.worker.outcomes import (
    Failed,
    Finished,
    IfHealthy,
    InfrastructureFailure,
    Outcome,
    Stopped,
)
from engine.worker.painter import JobPainter
from engine.worker.painting_thread import PaintingThread
from engine.worker.storing import store_finished
from engine.worker.watchdog import HangingError, Watchdog
from jobs.execution.job_log import log_end
from jobs.model import Claim, Failure, FailureKind, PaintReport
from jobs.outcomes import LeaseHeld, LeaseOutcome, QueueUnavailableError
from jobs.queue import JobQueue

log = logging.getLogger(__name__)

PASSING_TROUBLES = 5
"""How often a job may fail while all is found healthy, before it is taken for the cause."""
HANGS = sentence(
    "The painter got stuck several times while painting this, so I gave up; please try other "
    "settings, or another picture."
)
STOP_SECONDS = 8.0
"""How long a painting may take to stop; with the next two, less than a supervisor allows."""
LAST_CHECKPOINT_SECONDS = 4.0
LAST_WRITE_SECONDS = 4.0


class JobRunner:
    """Paints claimed jobs, one at a time, and writes how each ended."""

    def __init__(
        self,
        queue: JobQueue,
        painter: JobPainter,
        thread: PaintingThread,
        engine_health: EngineHealth,
        *,
        hang_seconds: float,
    ) -> None:
        self._queue = queue
        self._painter = painter
        self._thread = thread
        self._health = engine_health
        self._hang_seconds = hang_seconds
        self._passed: Counter[int] = Counter()
        """How often each job failed while all was found healthy."""

    async def run(self, claim: Claim, stop: asyncio.Event) -> None:
        """Paint a job and write how it ended; wait for what the next one needs.

        Args:
            claim: the job.
            stop: set at a shutdown; the job then goes back to its place in the queue.

        Raises:
            EngineInTroubleError: the device has hung, or stays unhealthy.
            QueueUnavailableError: the database cannot be used.
        """
        log.info("job %d: begins", claim.job.id)
        keeper = LeaseKeeper(self._queue, claim, JobHandle(), stop)
        after, hung = BeforeNextJob(), None
        try:
            after = await self._end(keeper, await self._painted(keeper))
        except NotStoppedError:
            log.warning("job %d: what is done for it does not stop; it goes back", claim.job.id)
            await self._write(keeper, self._queue.claims.release, claim)
        except HangingError as error:
            hung = error
            await self._hung(keeper, error)
        finally:
            keeper.close()
        if keeper.handle.stop_reason is StopReason.LEASE_LOST:
            log.warning("job %d: the lease was lost; nothing more is written", claim.job.id)
            # Who still lives to say so did not die of it.
            try:
                await self._queue.claims.survived(claim)
            except QueueUnavailableError:
                if hung is None:  # which ends this process, whether the database hears of it or not
                    raise
        if hung is not None:
            raise EngineInTroubleError(str(hung))
        if after.problem is not None:
            await self._health.wait_until_healthy(after.problem, stop)
        await sleep_unless(stop, after.pause_seconds)

    async def _painted(self, keeper: LeaseKeeper) -> Outcome:
        """Paint, from the checkpoint if there is one."""
        claim, checkpoint = keeper.claim, None
        job, key = claim.job, claim.checkpoint_key
        if key is not None:
            reading = asyncio.create_task(self._queue.store.get(key))
            try:
                checkpoint = await keeper.during(reading, patience_seconds=STOP_SECONDS)
            except PictureMissingError:
                log.warning("job %d: its checkpoint is gone; starting over", job.id)
                keeper.handle.begin_anew(CHECKPOINT_GONE)
            except StorageUnavailableError as error:
                return InfrastructureFailure(
                    str(error), store_failure(f"job-{job.id}"), IfHealthy.REQUEUE
                )
        painting = self._thread.run(
            self._painter.paint,
            job,
            EarlierWork(checkpoint, claim.frames, claim.done),
            self._queue.store,
            keeper.handle,
        )
        watch = Watchdog(self._hang_seconds)
        return await keeper.during(painting, patience_seconds=STOP_SECONDS, watch=watch)

    async def _hung(self, keeper: LeaseKeeper, hung: HangingError) -> None:
        """Return the job after the device hung; this process can do nothing more."""
        claim, claims, problem = keeper.claim, self._queue.claims, str(hung)
        log.error("job %d goes back: %s", claim.job.id, problem)
        await self._health.note_trouble(problem)
        if hung.while_painting:
            failure = Failure.of(FailureKind.LOST, HANGS, f"job-{claim.job.id}")
            await self._write(keeper, claims.hung, claim, problem, failure)
        else:  # it hung over something else
            await self._write(keeper, partial(claims.release, reason=problem), claim)

    async def _end(self, keeper: LeaseKeeper, ended: Outcome) -> "BeforeNextJob":
        """Write how a painting ended."""
        claim, claims, job_id = keeper.claim, self._queue.claims, keeper.claim.job.id
        if not isinstance(ended, Finished):
            await keeper.report_last_progress(LAST_WRITE_SECONDS)
        match ended:
            case Finished():
                return await self._finish(keeper, ended)
            case InfrastructureFailure():
                return await self._end_infrastructure_failure(keeper, ended)
            case Failed(failure):
                log.warning("job %d: failed (%s): %s", job_id, failure.error_id, failure.message)
                written = await self._write(keeper, claims.fail, claim, failure)
                self._log_end(claim, written, "failed")
            case Stopped(StopReason.CANCELLED):
                written = await self._write(keeper, claims.cancelled, claim)
                self._log_end(claim, written, "cancelled")
            case Stopped(StopReason.SHUTDOWN):
                await keeper.save_last_checkpoint(LAST_CHECKPOINT_SECONDS)
                await self._write(keeper, claims.release, claim)
                log.info("job %d: back in the queue", job_id)
            case Stopped():
                pass
        return BeforeNextJob()

    async def _finish(self, keeper: LeaseKeeper, finished: Finished) -> "BeforeNextJob":
        """Store the painting while keeping the lease, and finish the job."""
        storing = asyncio.create_task(
            store_finished(self._queue.store, finished, keeper.handle, self._health.note_trouble)
        )
        try:
            kept = await keeper.during(storing, patience_seconds=STOP_SECONDS)
        finally:
            storing.cancel()
        if kept is None:
            return await self._end(
                keeper, Stopped(keeper.handle.stop_reason or StopReason.SHUTDOWN)
            )
        anew, left_out = keeper.handle.anew, keeper.handle.left_out
        if left_out:
            await self._write(keeper, self._queue.claims.leave_out, keeper.claim, left_out)
        written = await self._write(
            keeper,
            partial(self._queue.claims.finish, timelapse_key=kept.timelapse_key),
            keeper.claim,
            kept.versions[0],
            replace(
                finished.report,
                notes=(*finished.report.notes, *([] if anew is None else [anew])),
                records=kept.records,
                clip=kept.clip,
                variants=kept.versions if len(kept.versions) > 1 else (),
            ),
        )
        self._log_end(keeper.claim, written, "done", finished.report)
        self._passed.pop(keeper.claim.job.id, None)
        await self._health.clear_trouble()
        return BeforeNextJob()

    async def _end_infrastructure_failure(
        self, keeper: LeaseKeeper, trouble: InfrastructureFailure
    ) -> "BeforeNextJob":
        """Check whether the environment or the job is the cause, and end or requeue the job."""
        claim, claims = keeper.claim, self._queue.claims
        looking = asyncio.create_task(self._health.problem())
        problem = await keeper.during(looking, patience_seconds=STOP_SECONDS)
        if problem is not None:
            log.warning("job %d goes back: %s", claim.job.id, problem)
            await self._write(keeper, partial(claims.release, reason=problem), claim)
            return BeforeNextJob(problem)
        log.warning("job %d: %s", claim.job.id, trouble.reason)
        if trouble.if_healthy is IfHealthy.REQUEUE:
            self._passed[claim.job.id] += 1
            times = self._passed[claim.job.id]
            if times < PASSING_TROUBLES:
                reason = redacted(trouble.reason)
                await self._write(keeper, partial(claims.release, reason=reason), claim)
                return BeforeNextJob(pause_seconds=health.BACKOFF.seconds(times - 1))
        retry = trouble.if_healthy is IfHealthy.COUNT_ATTEMPT
        ending = partial(claims.fail, retry=retry)
        written = await self._write(keeper, ending, claim, trouble.failure)
        self._log_end(claim, written, "failed once" if retry else "failed")
        return BeforeNextJob()

    def _log_end(
        self,
        claim: Claim,
        written: LeaseOutcome | None,
        outcome: str,
        report: PaintReport | None = None,
    ) -> None:
        """Say how a job ended, if it did; a wish to cancel it that came meanwhile goes before."""
        if not isinstance(written, LeaseHeld):
            return
        if written.cancel_requested:
            outcome, report = "cancelled", None
        job = claim.job
        network = job.network or self._painter.network_name()
        log_end(job, outcome, network, report)

    async def _write(
        self,
        keeper: LeaseKeeper,
        ending: Callable[..., Awaitable[LeaseOutcome]],
        *arguments: object,
    ) -> LeaseOutcome | None:
        if keeper.handle.stop_reason is StopReason.LEASE_LOST:
            return None
        return await keeper.write(partial(ending, *arguments), give_up_seconds=LAST_WRITE_SECONDS)


@dataclass(frozen=True)
class BeforeNextJob:
    """What to wait for before the next job."""

    problem: str | None = None
    """What is unhealthy."""
    pause_seconds: float = 0.0
