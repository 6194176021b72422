"""A deletion that can be taken back, also where several things happen at one time."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from jobs.model import JobState
from jobs.outcomes import LeaseHeld, QueueUnavailableError
from jobs.privacy import retention
from jobs.privacy.retention import UNDO_SECONDS
from jobs.queue import JobQueue
from tests.jobs.privacy.conftest import keys_of, painted
from tests.kit.samples import FakeClock, claim_job, delete_for_good, paint_report, submit_job

MEMBER, ADMIN = 1, 9


async def is_there(queue: JobQueue, job_id: int) -> bool:
    job = await queue.jobs.get(job_id)
    assert job is not None
    return job.result_key is not None


async def test_permanent_deletion_cannot_be_undone_by_deleting_again(
    queue: JobQueue,
) -> None:
    """Its message would be shown anew, without the picture."""
    job_id = await painted(queue, "a")
    await delete_for_good(queue, job_id, MEMBER)
    gone = await queue.retention.delete_soon(job_id, MEMBER)
    assert gone is not None
    assert await queue.retention.restore(job_id, MEMBER, gone.reply) is None


async def test_only_the_latest_deleter_can_undo_a_deletion(queue: JobQueue) -> None:
    """The member deleted it, and took that back; then a moderator did."""
    job_id = await painted(queue, "a")
    job = await queue.retention.delete_soon(job_id, MEMBER)
    assert job is not None
    assert await queue.retention.restore(job_id, MEMBER, job.reply) is not None
    await queue.retention.delete_soon(job_id, ADMIN)
    assert await queue.retention.restore(job_id, MEMBER, job.reply) is None
    assert await queue.retention.restore(job_id, ADMIN, job.reply) is not None


async def test_deletion_undone_at_the_last_moment_keeps_the_picture(
    queue: JobQueue, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at what is due and its deletion it was taken back, and deleted anew."""
    job_id = await painted(queue, "a")
    job = await queue.retention.delete_soon(job_id, MEMBER)
    assert job is not None
    clock.advance(UNDO_SECONDS)
    look = queue.database.scalars

    async def just_before(statement: Any) -> Sequence[Any]:
        due = await look(statement)
        clock.advance(-1)
        assert await queue.retention.restore(job_id, MEMBER, job.reply) is not None
        return due

    with monkeypatch.context() as patch:
        patch.setattr(queue.database, "scalars", just_before)
        await queue.retention.finish_deleting()
    assert await is_there(queue, job_id)
    await queue.retention.delete_soon(job_id, MEMBER)
    await queue.retention.finish_deleting()
    assert await queue.retention.restore(job_id, MEMBER, job.reply) is not None


async def test_job_retried_while_expiring_keeps_its_pictures(
    queue: JobQueue,
) -> None:
    job = await submit_job(queue)
    await queue.jobs.cancel(job.id, MEMBER)
    assert await queue.jobs.retry(job.id) is not None
    await queue.retention._expire_one(job.id)
    waiting = await queue.jobs.get(job.id)
    assert waiting is not None
    assert (waiting.state, waiting.pictures_deleted_at) == (JobState.QUEUED, None)


async def test_deletion_spares_a_picture_just_stored_again(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever put it is about to name it; if nobody does, the next cleaning finds it."""
    job_id = await painted(queue, "a")
    content, _ = await keys_of(queue, job_id)
    assert await queue.store.put(b"photograph a", "png") == content
    await delete_for_good(queue, job_id, MEMBER)
    assert await queue.store.exists(content)
    monkeypatch.setattr(retention, "GRACE_SECONDS", -1e12)
    await queue.retention.gc()
    assert not await queue.store.exists(content)


async def test_job_finishes_though_its_cleanup_finds_the_database_down(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or its engine would write the end once more, and take it for a lease that it lost."""
    await submit_job(queue)
    claim = await claim_job(queue)
    await queue.claims.save_checkpoint(claim, await queue.store.put(b"half", "ckpt"))
    result = await queue.store.put(b"done", "png")

    def away() -> AbstractAsyncContextManager[None]:
        raise QueueUnavailableError("The database is away.")

    with monkeypatch.context() as patch:
        patch.setattr(queue.database, "read", away)
        assert await queue.claims.finish(claim, result, paint_report()) == LeaseHeld()
    assert await is_there(queue, claim.job.id)
