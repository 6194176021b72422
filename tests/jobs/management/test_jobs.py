"""Listing, cancelling and retrying jobs."""

import pytest

from jobs.model import JobState, Progress
from jobs.outcomes import AlreadyEnded, Cancelled, LeaseHeld, NoSuchJob, NotYours
from jobs.queue import JobQueue
from tests.kit.samples import (
    RESULT,
    FakeClock,
    claim_job,
    failure,
    paint_report,
    reload,
    submit_job,
)

MEMBER, ADMIN, ANOTHER = 1, 9, 8


async def test_a_members_jobs_come_in_pages_from_all_servers(queue: JobQueue) -> None:
    jobs = [(await submit_job(queue, MEMBER, guild)).id for guild in (5, 6, 5, 5, None)]
    await submit_job(queue, 2, 5)

    async def list_ids(**page: int) -> list[int]:
        return [job.id for job in await queue.jobs.of_user(MEMBER, **page)]  # type: ignore[arg-type]

    assert await list_ids() == jobs[::-1]
    assert await list_ids(limit=2) == [jobs[4], jobs[3]]
    assert await list_ids(limit=2, before_id=jobs[3]) == [jobs[2], jobs[1]]


async def test_first_admin_to_cancel_a_running_job_is_named(queue: JobQueue) -> None:
    job = await submit_job(queue, MEMBER)
    claim = await claim_job(queue)
    for admin in (ADMIN, ANOTHER):
        await queue.jobs.remove(job.id, admin)
    await queue.claims.cancelled(claim)
    ended = await reload(queue, job)
    assert (ended.state, ended.cancelled_by) == (JobState.CANCELLED, ADMIN)
    kinds = [event.kind for event in await queue.jobs.history(job.id)]
    assert kinds.count("cancel_requested") == 1


async def test_member_cancelling_their_own_job_is_not_named(queue: JobQueue) -> None:
    job = await submit_job(queue, MEMBER)
    await queue.jobs.cancel(job.id, MEMBER)
    ended = await reload(queue, job)
    assert ended.cancelled_by is None


@pytest.mark.parametrize("fails", [False, True])
async def test_retried_job_starts_from_scratch(queue: JobQueue, fails: bool) -> None:
    """The cancel request and the checkpoint of the first attempt are gone."""
    job = await submit_job(queue, MEMBER)
    claim = await claim_job(queue)
    await queue.claims.save_checkpoint(claim, await queue.store.put(b"half", "ckpt"))
    await queue.claims.report_progress(claim, Progress(1, 2, 0.5))
    if fails:
        await queue.claims.fail(claim, failure())
    else:
        await queue.jobs.remove(job.id, ADMIN)
        await queue.claims.cancelled(claim)
    await queue.deliveries.mark_delivered(job.id, how="dm")
    assert await queue.deliveries.due() == []
    again = await queue.jobs.retry(job.id)
    assert again is not None
    assert [each.id for each in await queue.deliveries.due()] == [job.id]
    assert (again.state, again.failure, again.cancelled_by) == (JobState.QUEUED, None, None)
    assert (again.attempts, again.started_at, again.progress) == (0, None, None)
    assert (again.delivered_at, again.came_by_dm) == (None, False)
    second = await claim_job(queue)
    assert second.checkpoint_key is None
    assert await queue.claims.renew(second) == LeaseHeld(cancel_requested=False)


async def test_only_failed_or_cancelled_jobs_can_be_retried(queue: JobQueue) -> None:
    job = await submit_job(queue, MEMBER)
    assert await queue.jobs.retry(job.id) is None
    claim = await claim_job(queue)
    assert await queue.jobs.retry(job.id) is None
    await queue.claims.finish(claim, RESULT, paint_report())
    assert await queue.jobs.retry(job.id) is None


async def test_deleted_jobs_cannot_be_retried(queue: JobQueue) -> None:
    """A retried job needs its pictures."""
    job = await submit_job(queue, MEMBER)
    await queue.jobs.cancel(job.id, MEMBER)
    await queue.retention.delete_soon(job.id, MEMBER)
    assert await queue.jobs.retry(job.id) is None


async def test_cancel_answers_for_foreign_unknown_and_ended_jobs(queue: JobQueue) -> None:
    job = await submit_job(queue, MEMBER)
    assert isinstance(await queue.jobs.cancel(job.id, ANOTHER), NotYours)
    assert isinstance(await queue.jobs.cancel(12345, ANOTHER), NoSuchJob)
    assert isinstance(await queue.jobs.cancel(job.id, ANOTHER, by_admin=True), Cancelled)
    assert isinstance(await queue.jobs.cancel(job.id, MEMBER), AlreadyEnded)
    ended = await reload(queue, job)
    assert ended.state is JobState.CANCELLED


async def test_job_keeps_the_start_time_of_its_first_claim(
    queue: JobQueue, clock: FakeClock
) -> None:
    """A release does not reset the waiting time."""
    await submit_job(queue, MEMBER)
    first = await claim_job(queue)
    clock.advance(60)
    await queue.claims.release(first)
    assert (await claim_job(queue)).job.started_at == first.job.started_at
