"""Several engines on one PostgreSQL database."""

import asyncio
import multiprocessing
from collections import defaultdict
from multiprocessing.process import BaseProcess

import pytest
import sqlalchemy as sa

from bench.children import pausing_engine
from jobs.db import schema
from jobs.model import JobState
from jobs.queue import JobQueue
from tests.kit.samples import GENEROUS_LIMITS, Storage, reload, submit_job

JOBS = 100
ENGINES = 4
WAIT_SECONDS = 240.0
Span = tuple[float, float]
"""The start and end of a job."""


@pytest.mark.slow
@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_four_engines_share_one_hundred_jobs(storage: Storage) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bench.children.pausing_engine"])
    settings = {
        "atelier_data_dir": storage.folder,
        "atelier_database_url": storage.database_url,
        **GENEROUS_LIMITS,
    }
    engines: list[BaseProcess] = []
    async with await JobQueue.open(storage.settings()) as queue:
        try:
            for n in range(ENGINES):
                process: BaseProcess = context.Process(
                    target=pausing_engine.run, args=(settings, f"engine-{n}", 1, 0.4), daemon=True
                )
                process.start()
                engines.append(process)
            await queue.pauses.pause(None, by_user=1)
            jobs = [await submit_job(queue, n % 20 + 1, n % 3 + 5) for n in range(JOBS)]
            async with asyncio.timeout(WAIT_SECONDS):
                while await registered_engines(queue) < ENGINES:
                    await asyncio.sleep(0.1)
                await queue.pauses.resume(None, by_user=1)
                while (
                    overview := await queue.positions.overview(None)
                ).waiting or overview.running:
                    await asyncio.sleep(0.5)
        finally:
            for engine in engines:
                engine.kill()
                engine.join(10)
        spans: dict[str, list[Span]] = defaultdict(list)
        for job in jobs:
            done = await reload(queue, job)
            assert done.state is JobState.DONE
            events = await queue.jobs.history(job.id)
            assert [event.kind for event in events] == ["queued", "claimed", "done"]
            begun, ended = events[1].at.timestamp(), events[2].at.timestamp()
            spans[events[-1].actor].append((begun, ended))
        assert set(spans) == {f"engine:engine-{n}" for n in range(ENGINES)}
        assert min(map(len, spans.values())) >= JOBS / ENGINES / 2
        # On a busy machine each of them needs the processor for longer than it pauses.
        assert mean_busy_engines(list(spans.values())) >= 0.5 * ENGINES


async def registered_engines(queue: JobQueue) -> int:
    """How many have started; without a job these report nothing for which they count as alive."""
    async with queue.database.read() as connection:
        count = sa.select(sa.func.count()).select_from(schema.engines)
        return int(await connection.scalar(count) or 0)


def mean_busy_engines(spans: list[list[Span]]) -> float:
    """The mean number of engines painting at a time, while all of them were in use."""
    first = max(min(begun for begun, _ in each) for each in spans)
    last = min(max(ended for _, ended in each) for each in spans)
    busy = sum(
        max(0.0, min(ended, last) - max(begun, first)) for each in spans for begun, ended in each
    )
    return busy / (last - first)
