"""The worker's loop: claim a job, paint it in a thread, keep the lease, report, deliver."""

import asyncio
import contextlib
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from common.store import PictureMissingError, StorageUnavailableError
from engine.worker.control import Control, Ended, Failed, Finished, Stopped, StopReason
from engine.worker.idle import IdleWork
from engine.worker.painter import JobPainter
from jobs.model import Claim, EngineInfo
from jobs.outcomes import LeaseHeld, LeaseLost, LeaseOutcome, QueueUnavailableError
from jobs.queue import JobQueue

log = logging.getLogger(__name__)

LEASE_SECONDS = 30.0
TICK_SECONDS = 0.5
IDLE_SECONDS = 10.0
HEARTBEAT_SECONDS = 5.0
RETRY_SECONDS = 2.0
LAST_CHECKPOINT_SECONDS = 8.0
"""Well within the time that a supervisor leaves an engine to stop."""


class EngineWorker:
    """One engine: paints one job after another until it is told to stop."""

    def __init__(self, queue: JobQueue, painter: JobPainter, info: EngineInfo) -> None:
        self._queue = queue
        self._painter = painter
        self._info = info
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="painter")
        self._idle = IdleWork(self._thread, painter.idle)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; a job in hand then goes back to its place in the queue."""
        await self._queue.engines.register(self._info)
        log.info("engine %s waits for jobs on %s", self._info.id, self._info.device)
        heartbeat = asyncio.create_task(self._heartbeat())
        try:
            while not stop.is_set():
                try:
                    claim = await self._queue.claims.claim(
                        self._info.id, lease_seconds=LEASE_SECONDS
                    )
                    if claim is not None:
                        self._idle.end()
                        await self._work(claim, stop)
                    else:
                        self._idle.begin()
                        await self._wait(stop)
                except QueueUnavailableError as error:
                    log.warning("%s Trying again in %.0f s.", error, RETRY_SECONDS)
                    await _sleep_unless(stop, RETRY_SECONDS)
        finally:
            heartbeat.cancel()
            self._idle.end()
            self._thread.shutdown(wait=True)
            with contextlib.suppress(QueueUnavailableError):
                await self._queue.engines.forget(self._info.id)

    async def _heartbeat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            with contextlib.suppress(QueueUnavailableError):
                network = self._painter.network_name()  # its weights may have come meanwhile
                known = await self._queue.engines.heartbeat(self._info.id)
                if not known or network != self._info.network:
                    self._info = replace(self._info, network=network)
                    await self._queue.engines.register(self._info)

    async def _wait(self, stop: asyncio.Event) -> None:
        """Wait until the database changes, or it is time to look again."""
        change = asyncio.create_task(self._queue.wait_for_work(IDLE_SECONDS))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({change, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if change.done():
                change.result()
        finally:
            for task in (change, stopping):
                task.cancel()
            await asyncio.gather(change, stopping, return_exceptions=True)

    async def _work(self, claim: Claim, stop: asyncio.Event) -> None:
        log.info("job %d: begins", claim.job.id)
        control = Control()
        checkpoint = await self._checkpoint_of(claim)
        painting = asyncio.get_running_loop().run_in_executor(
            self._thread,
            self._painter.paint,
            claim.job,
            checkpoint,
            self._queue.store,
            control,
            claim.done,
        )
        stopping = asyncio.create_task(stop.wait())
        watch = _Watch(time.monotonic())
        try:
            while not painting.done():
                waiting: set[asyncio.Future[Any]] = {painting}
                if not control.stopping:
                    waiting.add(stopping)
                await asyncio.wait(
                    waiting, timeout=TICK_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                if stop.is_set():
                    control.stop(StopReason.SHUTDOWN)
                if not painting.done():
                    await self._keep(claim, control, watch)
            ended = painting.result()
            if ended == Stopped(StopReason.SHUTDOWN):
                await self._keep_last(claim, control, watch)
            await self._end(claim, ended)
        finally:
            stopping.cancel()
            if watch.storing is not None:
                watch.storing.cancel()
            control.stop(StopReason.SHUTDOWN)  # after an error here, the thread must not go on

    async def _checkpoint_of(self, claim: Claim) -> bytes | None:
        if claim.checkpoint_key is None:
            return None
        try:
            return await self._queue.store.get(claim.checkpoint_key)
        except (PictureMissingError, StorageUnavailableError):
            log.warning("job %d: its checkpoint cannot be read; starting over", claim.job.id)
            return None

    async def _keep(self, claim: Claim, control: Control, watch: "_Watch") -> None:
        """Tell the queue what is new, renew the lease, and hear whether to go on."""
        if control.stop_reason is StopReason.LEASE_LOST:
            return
        try:
            for outcome in await self._tell(claim, control, watch):
                match outcome:
                    case LeaseLost():
                        control.stop(StopReason.LEASE_LOST)
                    case LeaseHeld(cancel_requested=True):
                        control.stop(StopReason.CANCELLED)
                    case LeaseHeld():
                        pass
        except QueueUnavailableError as error:
            log.warning("job %d: %s", claim.job.id, error)
            if time.monotonic() - watch.renewed_at > LEASE_SECONDS:
                control.stop(StopReason.LEASE_LOST)

    async def _tell(self, claim: Claim, control: Control, watch: "_Watch") -> list[LeaseOutcome]:
        outcomes = await self._keep_checkpoint(claim, control, watch)
        progress = control.take_progress()
        if progress is not None:
            outcomes.append(await self._queue.claims.report_progress(claim, progress))
        now = time.monotonic()
        if now - watch.renewed_at > LEASE_SECONDS / 4:
            outcomes.append(await self._queue.claims.renew(claim, lease_seconds=LEASE_SECONDS))
            watch.renewed_at = now
        if not outcomes:  # a read is enough to hear of a cancellation
            job = await self._queue.jobs.get(claim.job.id)
            if job is None or job.cancel_requested:
                control.stop(StopReason.CANCELLED)
        return outcomes

    async def _keep_last(self, claim: Claim, control: Control, watch: "_Watch") -> None:
        """Name the checkpoint that is just being stored, if that does not take too long."""
        with contextlib.suppress(QueueUnavailableError):
            await self._keep_checkpoint(claim, control, watch)
            if watch.storing is not None:
                await asyncio.wait({watch.storing}, timeout=LAST_CHECKPOINT_SECONDS)
                await self._keep_checkpoint(claim, control, watch)

    async def _keep_checkpoint(
        self, claim: Claim, control: Control, watch: "_Watch"
    ) -> list[LeaseOutcome]:
        """Store the newest checkpoint, beside all else, and name it once it is stored.

        That of a large picture takes long on its way to another machine; the lease must not
        wait for it.
        """
        if watch.storing is None:
            if (checkpoint := control.take_checkpoint()) is None:
                return []
            watch.storing = asyncio.create_task(self._queue.store.put(checkpoint, ".ckpt"))
            await asyncio.wait({watch.storing}, timeout=TICK_SECONDS)
        if not watch.storing.done():
            return []
        try:
            outcome = await self._queue.claims.save_checkpoint(claim, watch.storing.result())
        except StorageUnavailableError as error:  # a full disk must not end a painting
            log.warning("job %d: no checkpoint: %s", claim.job.id, error)
            watch.storing = None
            return []
        watch.storing = None
        return [outcome]

    async def _end(self, claim: Claim, ended: Ended) -> None:
        """Write how it ended; keep trying through an outage for as long as the lease may hold."""
        job_id = claim.job.id
        give_up_at = time.monotonic() + LEASE_SECONDS
        while True:
            try:
                match ended:
                    case Finished(result_key, report, timelapse_key):
                        await self._queue.claims.finish(
                            claim, result_key, report, timelapse_key=timelapse_key
                        )
                        log.info("job %d: done in %.1f s", job_id, report.seconds)
                    case Failed(failure, may_retry):
                        log.warning(
                            "job %d: failed (%s): %s", job_id, failure.error_id, failure.message
                        )
                        await self._queue.claims.fail(claim, failure, retry=may_retry)
                    case Stopped(StopReason.CANCELLED):
                        await self._queue.claims.cancelled(claim)
                        log.info("job %d: cancelled", job_id)
                    case Stopped(StopReason.SHUTDOWN):
                        await self._queue.claims.release(claim)
                        log.info("job %d: back in the queue", job_id)
                    case Stopped():
                        log.warning("job %d: the lease was lost; nothing more is written", job_id)
            except QueueUnavailableError as error:
                if time.monotonic() > give_up_at:
                    raise
                log.warning("job %d: %s Trying again.", job_id, error)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return


@dataclass
class _Watch:
    """What the loop knows of the painting in hand."""

    renewed_at: float
    """When the lease was last known to be held."""
    storing: asyncio.Task[str] | None = None
    """The checkpoint that is on its way into the store; its key."""


async def _sleep_unless(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
