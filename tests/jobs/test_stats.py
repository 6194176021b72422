"""What was painted by day, and how long it waited."""

import pytest

from jobs.core import DAY_SECONDS
from jobs.queue import JobQueue
from tests.kit.samples import FakeClock, claim_job, paint_report, submit_job


async def test_statistics_are_counted_by_day(queue: JobQueue, clock: FakeClock) -> None:
    clock.now = 20_000 * DAY_SECONDS + 3600
    await submit_job(queue, 1)
    clock.advance(10)
    claim = await claim_job(queue)
    clock.advance(30)
    await queue.claims.finish(claim, await queue.store.put(b"x", "png"), paint_report())
    clock.advance(DAY_SECONDS)
    await queue.jobs.cancel((await submit_job(queue, 2)).id, 2)
    await submit_job(queue, 3, 6)
    stats = await queue.statistics.read(5, 7)
    assert [(day.pictures, day.users) for day in stats.days] == [(1, 1), (0, 1)]
    assert stats.days[0].waiting_seconds == pytest.approx(10)
    assert stats.days[0].painting_seconds == pytest.approx(30)
    assert (stats.pictures, stats.users) == (1, 2)
    everywhere = await queue.statistics.read(None, 7)
    assert everywhere.users == 3
    assert [day.users for day in (await queue.statistics.read(None, 1)).days] == [2]


async def test_waiting_time_of_a_retried_job_begins_with_its_retry(
    queue: JobQueue, clock: FakeClock
) -> None:
    job = await submit_job(queue, 1)
    await queue.jobs.cancel(job.id, 1)
    for _ in range(2):
        clock.advance(3600)
        await queue.jobs.retry(job.id)
        clock.advance(10)
        health = await queue.health.ask(ask_store=False)
        assert health.oldest_waiting_seconds == pytest.approx(10)
        claim = await claim_job(queue)
        (day,) = (await queue.statistics.read(None)).days
        assert day.waiting_seconds == pytest.approx(10)
        await queue.jobs.cancel(job.id, 1)
        await queue.claims.cancelled(claim)
