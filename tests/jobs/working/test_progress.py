"""What a painting costs the database while it goes on, and which of its previews stay."""

import asyncio
import contextlib
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from jobs import core
from jobs.model import Progress
from jobs.outcomes import LeaseHeld
from jobs.queue import JobQueue
from tests.kit.samples import Place, accepted, claimed


@contextlib.contextmanager
def statements(queue: JobQueue) -> Iterator[list[str]]:
    """The statements that the queue executes inside."""
    said: list[str] = []

    def hear(_c: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    engine = queue.database.engine.sync_engine
    sa.event.listen(engine, "before_cursor_execute", hear)
    try:
        yield said
    finally:
        sa.event.remove(engine, "before_cursor_execute", hear)


async def test_a_progress_report_costs_three_statements(place: Place) -> None:
    async with await JobQueue.open(place.settings()) as queue:
        await accepted(queue)
        claim = await claimed(queue)
        keys = [await queue.store.put(f"{n}".encode(), "jpg") for n in range(2)]
        for step, key in enumerate((None, *keys, keys[-1])):
            with statements(queue) as said:
                await queue.claims.report_progress(claim, Progress(step, 9, 0.1, 1.0, key))
            told = [one for one in said if not one.startswith(("BEGIN", "COMMIT"))]
            assert len(told) <= 3, told


@pytest.mark.parametrize("told", [1, 3])
async def test_of_the_previews_the_newest_two_are_kept_however_often_each_is_told(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch, told: int
) -> None:
    monkeypatch.setattr(core, "WORKING_SOON_SECONDS", 0.0)
    await accepted(queue)
    claim = await claimed(queue)
    keys = []
    for step in range(5):
        keys.append(await queue.store.put(f"{step}".encode(), "jpg"))
        for _ in range(told):
            await queue.claims.report_progress(claim, Progress(step, 9, 0.1, 1.0, keys[-1]))
        assert [await queue.store.exists(key) for key in keys] == (
            [False] * (len(keys) - 2) + [True] * min(2, len(keys))
        )


async def test_a_cancellation_is_heard_and_other_commits_are_not_taken_for_one(
    place: Place,
) -> None:
    async with (
        await JobQueue.open(place.settings()) as engines,
        await JobQueue.open(place.settings()) as bots,
    ):
        job, other = await accepted(bots, 1), await accepted(bots, 2)
        await claimed(engines)
        await claimed(engines)
        while await engines.wait_for_cancellation(job.id, 0.2):
            pass
        if engines.database.postgres:
            await bots.jobs.cancel(other.id, 2)
            await accepted(bots, 3)
            assert not await engines.wait_for_cancellation(job.id, 0.5)
        waiting = asyncio.create_task(engines.wait_for_cancellation(job.id, 30))
        await asyncio.sleep(0.1)
        await bots.jobs.cancel(job.id, 1)
        with statements(engines) as said:
            assert await waiting
        assert said == []


async def test_renewal_says_that_a_job_is_to_be_cancelled(queue: JobQueue) -> None:
    job = await accepted(queue)
    claim = await claimed(queue)
    await queue.jobs.cancel(job.id, 1)
    assert await queue.claims.renew(claim) == LeaseHeld(cancel_requested=True)
