"""Who waits hears of each change at once: engines of work, bots of what is to be shown.

On PostgreSQL each write has to say so itself; else all would wait for the next time they look.
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
"""Brings a queue to where something can happen, which the function that it gives then does."""


async def a_job_comes(queue: JobQueue) -> Act:
    return lambda: submit_job(queue)


async def a_job_begins(queue: JobQueue) -> Act:
    await submit_job(queue)
    return lambda: claim_job(queue)


async def a_painting_advances(queue: JobQueue) -> Act:
    await submit_job(queue)
    claim = await claim_job(queue)
    return lambda: queue.claims.report_progress(claim, Progress(1, 2, 0.5))


async def a_picture_is_finished(queue: JobQueue) -> Act:
    await submit_job(queue)
    claim = await claim_job(queue)
    return lambda: queue.claims.finish(claim, RESULT, paint_report())


async def an_engine_gives_its_job_back(queue: JobQueue) -> Act:
    await submit_job(queue)
    claim = await claim_job(queue)
    return lambda: queue.claims.release(claim)


async def a_try_fails_that_is_not_the_last(queue: JobQueue) -> Act:
    await submit_job(queue)
    claim = await claim_job(queue)
    return lambda: queue.claims.fail(claim, failure(), retry=True)


async def a_waiting_job_is_cancelled(queue: JobQueue) -> Act:
    job = await submit_job(queue)
    return lambda: queue.jobs.cancel(job.id, 1)


async def a_clearing_is_undone(queue: JobQueue) -> Act:
    await submit_job(queue)
    cleared = await queue.clearings.clear(5, ADMIN)
    return lambda: queue.clearings.undo(cleared.id, 5, ADMIN)


async def an_operator_has_it_painted_again(queue: JobQueue) -> Act:
    job = await submit_job(queue)
    await queue.jobs.cancel(job.id, 1)
    return lambda: queue.jobs.retry(job.id)


async def a_job_is_set_before_the_others(queue: JobQueue) -> Act:
    job = await submit_job(queue)
    return lambda: queue.jobs.move_to_front(job.id, ADMIN)


async def a_server_goes_on(queue: JobQueue) -> Act:
    await submit_job(queue)
    await queue.pauses.pause(5, ADMIN)
    return lambda: queue.pauses.resume(5, ADMIN)


async def a_server_is_paused(queue: JobQueue) -> Act:
    return lambda: queue.pauses.pause(5, ADMIN)


async def an_engine_comes(queue: JobQueue) -> Act:
    return lambda: queue.engines.register(engine_info())


async def an_engine_goes(queue: JobQueue) -> Act:
    await queue.engines.register(engine_info())
    return lambda: queue.engines.forget(engine_info().id)


async def an_engine_is_announced(queue: JobQueue) -> Act:
    return queue.engines.expect


async def a_picture_is_deleted(queue: JobQueue) -> Act:
    job = await submit_job(queue)
    await queue.jobs.cancel(job.id, 1)
    return lambda: queue.retention.delete_soon(job.id, 1)


async def a_deletion_is_taken_back(queue: JobQueue) -> Act:
    job = await submit_job(queue)
    await queue.jobs.cancel(job.id, 1)
    await queue.retention.delete_soon(job.id, 1)
    return lambda: queue.retention.restore(job.id, 1, job.reply)


WORK: list[Prepare] = [
    a_job_comes,
    an_engine_gives_its_job_back,
    a_try_fails_that_is_not_the_last,
    a_clearing_is_undone,
    an_operator_has_it_painted_again,
    a_job_is_set_before_the_others,
    a_server_goes_on,
]
SHOWN: list[Prepare] = [
    *WORK,
    a_job_begins,
    a_painting_advances,
    a_picture_is_finished,
    a_waiting_job_is_cancelled,
    a_server_is_paused,
    an_engine_comes,
    an_engine_goes,
    an_engine_is_announced,
    a_picture_is_deleted,
    a_deletion_is_taken_back,
]


async def wakes(
    storage: Storage, prepare: Prepare, wait: Callable[[JobQueue, float], Awaitable[bool]]
) -> bool:
    """Whether somebody who waits in another process hears of it soon."""
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


@pytest.mark.parametrize("prepare", WORK)
async def test_new_work_wakes_a_waiting_engine(storage: Storage, prepare: Prepare) -> None:
    assert await wakes(storage, prepare, JobQueue.wait_for_work)


@pytest.mark.parametrize("prepare", SHOWN)
async def test_visible_change_wakes_a_waiting_bot(storage: Storage, prepare: Prepare) -> None:
    assert await wakes(storage, prepare, JobQueue.wait_for_change)
