"""Changes wake waiting processes at once: engines for new work, bots for visible changes.

On PostgreSQL each write must notify; otherwise they would wait for their next poll.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from jobs.model import Progress
from jobs.queue import JobQueue
from tests.kit.samples import (
    RESULT,
    Storage,
    claim_job,
    engine_info,
    failure,
    paint_report,
    submit_job,
)

ADMIN = 9
SOON_SECONDS = 5.0
Act = Callable[[], Awaitable[object]]
Prepare = Callable[[JobQueue], Awaitable[Act]]
"""Prepares the queue for a change, and returns a function that makes the change."""


async def job_submitted(queue: JobQueue) -> Act:
    return lambda: submit_job(queue)


async def job_claimed(queue: JobQueue) -> Act:
    await submit_job(queue)
    return lambda: claim_job(queue)


async def progress_reported(queue: JobQueue) -> Act:
    await submit_job(queue)
    claim = await claim_job(queue)
    return lambda: queue.claims.report_progress(claim, Progress(1, 2, 0.5))


async def job_finished(queue: JobQueue) -> Act:
    await submit_job(queue)
    claim = await claim_job(queue)
    return lambda: queue.claims.finish(claim, RESULT, paint_report())


async def job_released(queue: JobQueue) -> Act:
    await submit_job(queue)
    claim = await claim_job(queue)
    return lambda: queue.claims.release(claim)


async def attempt_failed(queue: JobQueue) -> Act:
    await submit_job(queue)
    claim = await claim_job(queue)
    return lambda: queue.claims.fail(claim, failure(), retry=True)


async def queued_job_cancelled(queue: JobQueue) -> Act:
    job = await submit_job(queue)
    return lambda: queue.jobs.cancel(job.id, 1)


async def clearing_undone(queue: JobQueue) -> Act:
    await submit_job(queue)
    cleared = await queue.clearings.clear(5, ADMIN)
    return lambda: queue.clearings.undo(cleared.id, 5, ADMIN)


async def job_retried(queue: JobQueue) -> Act:
    job = await submit_job(queue)
    await queue.jobs.cancel(job.id, 1)
    return lambda: queue.jobs.retry(job.id)


async def job_moved_to_front(queue: JobQueue) -> Act:
    job = await submit_job(queue)
    return lambda: queue.jobs.move_to_front(job.id, ADMIN)


async def server_resumed(queue: JobQueue) -> Act:
    await submit_job(queue)
    await queue.pauses.pause(5, ADMIN)
    return lambda: queue.pauses.resume(5, ADMIN)


async def server_paused(queue: JobQueue) -> Act:
    return lambda: queue.pauses.pause(5, ADMIN)


async def engine_registered(queue: JobQueue) -> Act:
    return lambda: queue.engines.register(engine_info())


async def engine_forgotten(queue: JobQueue) -> Act:
    await queue.engines.register(engine_info())
    return lambda: queue.engines.forget(engine_info().id)


async def engine_expected(queue: JobQueue) -> Act:
    return queue.engines.expect


async def picture_deleted(queue: JobQueue) -> Act:
    job = await submit_job(queue)
    await queue.jobs.cancel(job.id, 1)
    return lambda: queue.retention.delete_soon(job.id, 1)


async def deletion_undone(queue: JobQueue) -> Act:
    job = await submit_job(queue)
    await queue.jobs.cancel(job.id, 1)
    await queue.retention.delete_soon(job.id, 1)
    return lambda: queue.retention.restore(job.id, 1, job.reply)


WORK_CHANGES: list[Prepare] = [
    job_submitted,
    job_released,
    attempt_failed,
    clearing_undone,
    job_retried,
    job_moved_to_front,
    server_resumed,
]
VISIBLE_CHANGES: list[Prepare] = [
    *WORK_CHANGES,
    job_claimed,
    progress_reported,
    job_finished,
    queued_job_cancelled,
    server_paused,
    engine_registered,
    engine_forgotten,
    engine_expected,
    picture_deleted,
    deletion_undone,
]


async def wakes(
    storage: Storage, prepare: Prepare, wait: Callable[[JobQueue, float], Awaitable[bool]]
) -> bool:
    """Whether the change wakes a waiting process with its own connection."""
    async with (
        await JobQueue.open(storage.settings()) as queue,
        await JobQueue.open(storage.settings()) as other,
    ):
        act = await prepare(queue)
        while await wait(other, 0.05):
            pass
        waiting = asyncio.ensure_future(wait(other, SOON_SECONDS))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        assert await act() is not False
        return await waiting


@pytest.mark.parametrize("prepare", WORK_CHANGES)
async def test_new_work_wakes_a_waiting_engine(storage: Storage, prepare: Prepare) -> None:
    assert await wakes(storage, prepare, JobQueue.wait_for_work)


@pytest.mark.parametrize("prepare", VISIBLE_CHANGES)
async def test_visible_change_wakes_a_waiting_bot(storage: Storage, prepare: Prepare) -> None:
    assert await wakes(storage, prepare, JobQueue.wait_for_change)
