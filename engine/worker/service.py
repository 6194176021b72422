"""The worker's loop: register, claim one job after the other, send heartbeats.

While store, disk or device is unhealthy nothing is claimed, and after several troubles in a row
this process ends, for a fresh one to try.
"""

import asyncio
import contextlib
import logging
from dataclasses import replace

from common.logs import add_log_ids
from engine.styles.statistics_files import StatisticsFiles
from engine.worker import health
from engine.worker.abilities import is_worth_announcing
from engine.worker.health import EngineHealth, EngineInTroubleError
from engine.worker.job_runner import JobRunner
from engine.worker.lease import sleep_unless
from engine.worker.painter import JobPainter
from engine.worker.painting_thread import IdleWork, PaintingThread
from engine.worker.watchdog import HangingError
from jobs.execution.job_log import job_log_ids
from jobs.execution.leases import LEASE_SECONDS
from jobs.model import EngineInfo
from jobs.outcomes import OtherVersionError, QueueUnavailableError
from jobs.queue import JobQueue

log = logging.getLogger(__name__)

IDLE_SECONDS = 10.0
HEARTBEAT_SECONDS = 5.0
TIDY_SECONDS = 30.0
"""Pause between deletions of the statistics of deleted pictures."""
HANG_SECONDS = 600.0
"""How long the painting thread may not ask whether to stop: far longer than any tile takes."""


class EngineWorker:
    """One engine: paints one job after another until it is told to stop."""

    def __init__(
        self,
        queue: JobQueue,
        painter: JobPainter,
        info: EngineInfo,
        *,
        hang_seconds: float = HANG_SECONDS,
        statistics: StatisticsFiles | None = None,
    ) -> None:
        self._queue = queue
        self._statistics = statistics
        """Cached statistics of pictures, to be deleted with these."""
        self._painter = painter
        self._info = info
        self._thread = PaintingThread()
        self._health = EngineHealth(
            queue, lambda: self._info, self._thread, painter.probe, hang_seconds=hang_seconds
        )
        self._idle = IdleWork(self._thread.executor, painter.idle)
        self._runner = JobRunner(
            queue, painter, self._thread, self._health, hang_seconds=hang_seconds
        )
        self._is_painting = False

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; a job in hand then goes back to its place in the queue.

        Raises:
            EngineInTroubleError: several times in a row nothing could be painted, or it hung.
        """
        add_log_ids(engine=self._info.id)
        self._info = self.described()
        await self._queue.engines.register(self._info)
        log.info("engine %s waits for jobs", self._info.id)
        heartbeat = asyncio.create_task(self._heartbeat())
        tidying = asyncio.create_task(self._tidy())
        in_trouble = False
        try:
            if (problem := await self._health.problem_at_start()) is not None:
                await self._health.wait_until_healthy(problem, stop)
            await self._serve(stop)
        except HangingError as error:
            in_trouble = True
            await self._health.note_trouble(str(error))
            raise EngineInTroubleError(str(error)) from None
        except EngineInTroubleError:
            in_trouble = True  # its row says what it was
            raise
        finally:
            heartbeat.cancel()
            tidying.cancel()
            self._idle.end()
            self._thread.close()
            if not in_trouble:
                with contextlib.suppress(QueueUnavailableError):
                    await self._queue.engines.forget(self._info.id)

    async def _serve(self, stop: asyncio.Event) -> None:
        failures = 0
        while not stop.is_set():
            try:
                claim = await self._queue.claims.claim(self._info.id, lease_seconds=LEASE_SECONDS)
                self._is_painting = claim is not None
                if claim is not None:
                    self._idle.end()
                    with job_log_ids(claim.job):
                        await self._runner.run(claim, stop)
                    self._is_painting = False
                    if not stop.is_set():  # in a long queue no heartbeat finds it idle
                        await self._announce_changes()
                else:
                    self._idle.begin()
                    await self._wait(stop)
                failures = 0
            except QueueUnavailableError as error:
                pause = health.BACKOFF.seconds(min(failures, 2))
                failures += 1
                log.warning("%s Trying again in %.0f s.", error, pause)
                await sleep_unless(stop, pause)
            except OtherVersionError as error:
                await self._health.note_trouble(str(error))
                raise EngineInTroubleError(str(error)) from error

    async def _heartbeat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            try:
                used = self._painter.memory_used_bytes()
                known = await self._queue.engines.heartbeat(self._info.id, memory_used_bytes=used)
                await self._announce_changes(known=known)
            except QueueUnavailableError as error:
                log.debug("The heartbeat has to wait: %s", error)
            except Exception:  # an engine whose heart has stopped is taken for dead while it works
                log.exception("Error in the heartbeat")

    async def _announce_changes(self, *, known: bool = True) -> None:
        """Register again if its abilities have changed, such as networks or measured pace."""
        newest = self.described()
        if self._is_painting:  # which takes of the memory
            newest = replace(newest, largest_px=self._info.largest_px)
        if not known or is_worth_announcing(newest, self._info):
            await self._queue.engines.register(newest)
            self._info = newest

    def described(self) -> EngineInfo:
        """What this engine announces now."""
        return replace(
            self._info,
            network=self._painter.network_name(),
            memory_used_bytes=self._painter.memory_used_bytes(),
            **vars(self._painter.abilities()),
        )

    async def _tidy(self) -> None:
        """Delete statistics of members' pictures that are no longer stored."""
        while self._statistics is not None:
            try:
                known = await asyncio.to_thread(self._statistics.origins)
                gone = await self._queue.retention.unused(known) if known else set()
                await asyncio.to_thread(self._statistics.forget_origins, gone)
            except QueueUnavailableError as error:
                log.debug("Statistics are tidied later: %s", error)
            except Exception:
                log.exception("Error in tidying the statistics")
            await asyncio.sleep(TIDY_SECONDS)

    async def _wait(self, stop: asyncio.Event) -> None:
        """Wait until the database changes, or until the next regular check."""
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
