"""Health of store, temporary files and device, and its state in the database."""

import asyncio
import contextlib
import logging
from collections.abc import Callable

from common.backoff import Backoff
from common.errors import AtelierError
from common.logs import redacted
from common.store import StorageUnavailableError
from engine.scratch import scratch_problem
from engine.worker.lease import sleep_unless
from engine.worker.painting_thread import PaintingThread
from engine.worker.watchdog import HangingError, hang_message
from jobs.model import EngineInfo
from jobs.outcomes import QueueUnavailableError
from jobs.queue import JobQueue

log = logging.getLogger(__name__)

BACKOFF = Backoff(first_seconds=2.0, longest_seconds=60.0)
"""Pauses between checks while something is unhealthy."""
TROUBLES_IN_A_ROW = 4
"""Unhealthy checks in a row until the process ends, as a broken device may need a new process."""


class EngineInTroubleError(AtelierError):
    """Nothing can be painted in this process; the text says why."""


class EngineHealth:
    """Checks what an engine needs: store, temporary files, device."""

    def __init__(
        self,
        queue: JobQueue,
        info: Callable[[], EngineInfo],
        thread: PaintingThread,
        probe: Callable[[], str | None],
        *,
        hang_seconds: float,
    ) -> None:
        self._queue = queue
        self._info = info
        self._thread = thread
        self._probe = probe
        """Tests the device, in the painting thread; returns what is wrong with it, or None."""
        self._hang_seconds = hang_seconds
        self._noted = True
        """Whether the database may have a trouble noted, perhaps by an earlier process."""

    async def wait_until_healthy(self, problem: str, stop: asyncio.Event) -> None:
        """Wait until all is healthy, claiming nothing meanwhile.

        Raises:
            EngineInTroubleError: several checks in a row failed.
        """
        for failures in range(TROUBLES_IN_A_ROW):
            pause = BACKOFF.seconds(failures)
            log.warning("%s Nothing is claimed; a look again in %.0f s.", problem, pause)
            await self.note_trouble(problem)
            await sleep_unless(stop, pause)
            if stop.is_set():
                return
            found = await self.problem()
            if found is None:
                log.info("all is well again")
                await self.clear_trouble()
                return
            problem = found
        raise EngineInTroubleError(problem)

    async def problem(self) -> str | None:
        """What is unhealthy, in English and without secrets, or None.

        Raises:
            HangingError: the device does not answer.
        """
        problem = await self._store_problem() or await asyncio.to_thread(scratch_problem)
        if problem is None:
            probing = self._thread.run(self._probe)
            await asyncio.wait({probing}, timeout=self._hang_seconds)
            if not probing.done():
                raise HangingError(hang_message(self._hang_seconds))
            problem = probing.result()
        return None if problem is None else redacted(problem)

    async def problem_at_start(self) -> str | None:
        """As `problem`, at the start; tests the device only if it made an earlier engine end."""
        if not await self._queue.engines.was_in_trouble(self._info()):
            return await self._store_problem()
        problem = await self.problem()
        if problem is None:
            await self.clear_trouble()
        return problem

    async def _store_problem(self) -> str | None:
        try:
            await self._queue.store.check()
        except StorageUnavailableError as error:
            return str(error)
        return None

    async def note_trouble(self, problem: str) -> None:
        """Write the problem into this engine's row, for owners."""
        self._noted = True
        with contextlib.suppress(QueueUnavailableError):
            await self._queue.engines.note_trouble(self._info(), redacted(problem))

    async def clear_trouble(self) -> None:
        """Remove a problem from the row, if one may have been noted."""
        if self._noted:
            with contextlib.suppress(QueueUnavailableError):
                await self._queue.engines.clear_trouble(self._info())
                self._noted = False
