"""Runs an engine worker during a test, and waits for its jobs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from common.settings import Settings
from engine.styles.statistics_files import StatisticsFiles
from engine.worker.painter import JobPainter
from engine.worker.service import HANG_SECONDS, EngineWorker
from jobs.model import EngineInfo, Job, JobState
from jobs.queue import JobQueue
from tests.kit.samples import reload

ENGINE_INFO = EngineInfo(id="test", host="here", device="cpu", network="lite", version="0", pid=1)


@asynccontextmanager
async def running_worker(
    queue: JobQueue, settings: Settings, *, hang_seconds: float = HANG_SECONDS
) -> AsyncIterator[asyncio.Event]:
    """Run a worker; yields the event that stops it."""
    stop = asyncio.Event()
    statistics = StatisticsFiles(settings.atelier_data_dir / "statistics")
    engine = EngineWorker(
        queue, JobPainter(settings), ENGINE_INFO, hang_seconds=hang_seconds, statistics=statistics
    )
    task = asyncio.create_task(engine.run(stop))
    try:
        yield stop
    finally:
        stop.set()
        await asyncio.wait_for(task, 60)


async def wait_ended(queue: JobQueue, job: Job) -> Job:
    """Wait until the job is done, failed or cancelled."""
    async with asyncio.timeout(120):
        while True:
            now = await reload(queue, job)
            if now.state.ended:
                return now
            await asyncio.sleep(0.05)


async def wait_first_finished(queue: JobQueue, job: Job) -> None:
    """Wait until the first of the job's several pictures is reported as finished."""
    async with asyncio.timeout(120):
        while True:
            current = await reload(queue, job)
            if current.progress is not None and current.progress.done:
                return
            assert not current.state.ended, current.failure
            await asyncio.sleep(0.02)


async def wait_painting(queue: JobQueue, job: Job) -> Job:
    """Wait until the job's first iteration is reported."""
    async with asyncio.timeout(60):
        while True:
            now = await reload(queue, job)
            if now.state is JobState.RUNNING and now.progress and now.progress.iteration:
                return now
            assert not now.state.ended, now.failure
            await asyncio.sleep(0.05)
