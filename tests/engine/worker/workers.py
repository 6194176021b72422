"""Runs an engine worker during a test, and waits for its jobs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa

from common.settings import Settings
from engine.styles.statistics_files import StatisticsFiles
from engine.worker.painter import JobPainter
from engine.worker.service import HANG_SECONDS, EngineWorker
from jobs.db import schema
from jobs.health.troubles import troubles_in
from jobs.model import EngineInfo, Job, JobState, PaintReport
from jobs.queue import JobQueue

ENGINE_INFO = EngineInfo(id="test", host="here", device="cpu", network="lite", version="0", pid=1)


@asynccontextmanager
async def running_worker(
    queue: JobQueue, settings: Settings, *, hang_seconds: float = HANG_SECONDS
) -> AsyncIterator[asyncio.Event]:
    """Run a worker; yields the event that stops it."""
    stop = asyncio.Event()
    statistics = StatisticsFiles(settings.statistics_dir)
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
            now = await queue.jobs.get(job.id)
            assert now is not None
            if now.state.ended:
                return now
            await asyncio.sleep(0.05)


async def run_to_end(queue: JobQueue, settings: Settings, job: Job) -> Job:
    """Run a worker until the job is done, failed or cancelled."""
    async with running_worker(queue, settings):
        return await wait_ended(queue, job)


async def paint_to_end(queue: JobQueue, settings: Settings, job: Job) -> tuple[Job, PaintReport]:
    """Run a worker until the job is done; with its report."""
    done = await run_to_end(queue, settings, job)
    assert done.state is JobState.DONE, done.failure
    assert done.report is not None
    return done, done.report


async def wait_first_finished(queue: JobQueue, job: Job) -> None:
    """Wait until the first of the job's several pictures is reported as finished."""
    async with asyncio.timeout(120):
        while True:
            current = await queue.jobs.get(job.id)
            assert current is not None
            if current.progress is not None and current.progress.done:
                return
            assert not current.state.ended, current.failure
            await asyncio.sleep(0.02)


async def wait_painting(queue: JobQueue, job: Job) -> Job:
    """Wait until the job's first iteration is reported."""
    async with asyncio.timeout(60):
        while True:
            now = await queue.jobs.get(job.id)
            assert now is not None
            if now.state is JobState.RUNNING and now.progress and now.progress.iteration:
                return now
            assert not now.state.ended, now.failure
            await asyncio.sleep(0.05)


async def state_of(queue: JobQueue, job: Job) -> JobState:
    """The job's present state."""
    now = await queue.jobs.get(job.id)
    assert now is not None
    return now.state


async def event_kinds(queue: JobQueue, job: Job) -> list[str]:
    """What has happened to the job, in order."""
    return [event.kind for event in await queue.jobs.history(job.id)]


async def wait_for_event(queue: JobQueue, job: Job, kind: str) -> None:
    """Wait until it has happened to the job."""
    async with asyncio.timeout(60):
        while kind not in await event_kinds(queue, job):
            await asyncio.sleep(0.05)


async def engine_trouble(queue: JobQueue) -> str:
    """What the engine reports to the owner; empty if it has no trouble."""
    troubles = {each.name: str(each.sentence) for each in troubles_in(await queue.health.ask())}
    return troubles.get("engine-trouble", "")


async def deaths_and_attempts(queue: JobQueue, job: Job) -> int:
    """The sum of a job's deaths and attempts."""
    this = sa.select(schema.jobs.c.deaths + schema.jobs.c.attempts).where(
        schema.jobs.c.id == job.id
    )
    async with queue.database.read() as connection:
        return int(await connection.scalar(this) or 0)
