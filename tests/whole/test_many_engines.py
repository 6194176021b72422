"""Many machines on one PostgreSQL: engines join by being started."""

import asyncio
import multiprocessing
from collections import defaultdict
from multiprocessing.process import BaseProcess

import pytest

from bench.children import pausing_engine
from jobs.model import JobState
from jobs.queue import JobQueue
from tests.kit.samples import GENEROUS_LIMITS, Storage, submit_job

JOBS = 100
ENGINES = 4
WAIT_SECONDS = 240.0
Sitting = tuple[float, float]
"""When an engine began and ended a job."""


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
        jobs = [await submit_job(queue, n % 20 + 1, n % 3 + 5) for n in range(JOBS)]
        try:
            for n in range(ENGINES):
                process: BaseProcess = context.Process(
                    target=pausing_engine.run, args=(settings, f"engine-{n}", 1, 0.4), daemon=True
                )
                process.start()
                engines.append(process)
            async with asyncio.timeout(WAIT_SECONDS):
                while (
                    overview := await queue.positions.overview(None)
                ).waiting or overview.running:
                    await asyncio.sleep(0.5)
        finally:
            for engine in engines:
                engine.kill()
                engine.join(10)
        sittings: dict[str, list[Sitting]] = defaultdict(list)
        for job in jobs:
            done = await queue.jobs.get(job.id)
            assert done is not None
            assert done.state is JobState.DONE
            events = await queue.jobs.history(job.id)
            assert [event.kind for event in events] == ["queued", "claimed", "done"]
            begun, ended = events[1].at.timestamp(), events[2].at.timestamp()
            sittings[events[-1].actor].append((begun, ended))
        assert set(sittings) == {f"engine:engine-{n}" for n in range(ENGINES)}
        assert min(map(len, sittings.values())) >= JOBS / ENGINES / 2
        assert at_once(list(sittings.values())) >= 0.75 * ENGINES


def at_once(sittings: list[list[Sitting]]) -> float:
    """How many engines were painting at a time, on average, while all of them ran."""
    first = max(min(begun for begun, _ in each) for each in sittings)
    last = min(max(ended for _, ended in each) for each in sittings)
    busy = sum(
        max(0.0, min(ended, last) - max(begun, first)) for each in sittings for begun, ended in each
    )
    return busy / (last - first)
