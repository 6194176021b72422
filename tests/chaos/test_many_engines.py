"""Many machines on one PostgreSQL: engines join by being started."""

import asyncio
import multiprocessing
from collections import Counter
from multiprocessing.process import BaseProcess

import pytest

from jobs.model import JobState
from jobs.queue import JobQueue
from tests.chaos import processes
from tests.jobs.samples import GENEROUS, Place, accepted

JOBS = 400
ENGINES = 4
WAIT_SECONDS = 240.0


@pytest.mark.slow
@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_four_engines_share_four_hundred_jobs(place: Place) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.chaos.processes"])
    settings = {
        "atelier_data_dir": place.folder,
        "atelier_database_url": place.database_url,
        **GENEROUS,
    }
    engines: list[BaseProcess] = []
    async with await JobQueue.open(place.settings()) as queue:
        jobs = [await accepted(queue, n % 20 + 1, n % 3 + 5) for n in range(JOBS)]
        try:
            for n in range(ENGINES):
                process: BaseProcess = context.Process(
                    target=processes.engine, args=(settings, f"engine-{n}", 2, 0.0), daemon=True
                )
                process.start()
                engines.append(process)
            async with asyncio.timeout(WAIT_SECONDS):
                while (overview := await queue.overview(None)).waiting or overview.running:
                    await asyncio.sleep(0.5)
        finally:
            for engine in engines:
                engine.kill()
                engine.join(10)
        painters: Counter[str] = Counter()
        for job in jobs:
            done = await queue.get(job.id)
            assert done is not None
            assert done.state is JobState.DONE
            events = await queue.history(job.id)
            assert [event.kind for event in events] == ["queued", "claimed", "done"]
            painters[events[-1].actor] += 1
        assert set(painters) == {f"engine:engine-{n}" for n in range(ENGINES)}
        assert min(painters.values()) >= JOBS / ENGINES / 2
