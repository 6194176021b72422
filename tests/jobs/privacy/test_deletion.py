"""Deletions that can be undone, also with concurrent changes."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from jobs.model import JobState
from jobs.outcomes import LeaseHeld, QueueUnavailableError
from jobs.privacy import retention
from jobs.privacy.retention import UNDO_SECONDS
from jobs.queue import JobQueue
from tests.jobs.privacy.conftest import make_delivered_job, picture_keys
from tests.kit.samples import (
    FakeClock,
    claim_job,
    delete_for_good,
    paint_report,
    reload,
    submit_job,
)

MEMBER, ADMIN = 1, 9


async def has_result(queue: JobQueue, job_id: int) -> bool:
    job = await reload(queue, job_id)
    return job.result_key is not None


async def test_permanent_deletion_cannot_be_undone_by_deleting_again(
    queue: JobQueue,
) -> None:
    """Otherwise its message would be restored without the picture."""
    job_id = await make_delivered_job(queue, "a")
    await delete_for_good(queue, job_id, MEMBER)
    gone = await queue.retention.delete_soon(job_id, MEMBER)
    assert gone is not None
    assert await queue.retention.restore(job_id, MEMBER, gone.reply) is None


async def test_only_the_latest_deleter_can_undo_a_deletion(queue: JobQueue) -> None:
    """The member deletes it and undoes that; then a moderator deletes it."""
    job_id = await make_delivered_job(queue, "a")
    job = await queue.retention.delete_soon(job_id, MEMBER)
    assert job is not None
    assert await queue.retention.restore(job_id, MEMBER, job.reply) is not None
    await queue.retention.delete_soon(job_id, ADMIN)
    assert await queue.retention.restore(job_id, MEMBER, job.reply) is None
    assert await queue.retention.restore(job_id, ADMIN, job.reply) is not None


async def test_deletion_undone_at_the_last_moment_keeps_the_picture(
    queue: JobQueue, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is restored between the query for due deletions and its own deletion."""
    job_id = await make_delivered_job(queue, "a")
    job = await queue.retention.delete_soon(job_id, MEMBER)
    assert job is not None
    clock.advance(UNDO_SECONDS)
    scalars = queue.database.scalars

    async def restore_after_query(statement: Any) -> Sequence[Any]:
        due = await scalars(statement)
        clock.advance(-1)
        assert await queue.retention.restore(job_id, MEMBER, job.reply) is not None
        return due

    with monkeypatch.context() as patch:
        patch.setattr(queue.database, "scalars", restore_after_query)
        await queue.retention.finish_deleting()
    assert await has_result(queue, job_id)
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
    waiting = await reload(queue, job)
    assert (waiting.state, waiting.pictures_deleted_at) == (JobState.QUEUED, None)


async def test_deletion_spares_a_picture_just_stored_again(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new job may be about to reference it; if not, the next cleanup deletes it."""
    job_id = await make_delivered_job(queue, "a")
    content, _ = await picture_keys(queue, job_id)
    assert await queue.store.put(b"photograph a", "png") == content
    await delete_for_good(queue, job_id, MEMBER)
    assert await queue.store.exists(content)
    monkeypatch.setattr(retention, "GRACE_SECONDS", -1e12)
    await queue.retention.gc()
    assert not await queue.store.exists(content)


async def test_job_finishes_though_its_cleanup_finds_the_database_down(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise its engine would finish it again, and be told that its lease is lost."""
    await submit_job(queue)
    claim = await claim_job(queue)
    await queue.claims.save_checkpoint(claim, await queue.store.put(b"half", "ckpt"))
    result = await queue.store.put(b"done", "png")

    def raise_unavailable() -> AbstractAsyncContextManager[None]:
        raise QueueUnavailableError("The database is away.")

    with monkeypatch.context() as patch:
        patch.setattr(queue.database, "read", raise_unavailable)
        assert await queue.claims.finish(claim, result, paint_report()) == LeaseHeld()
    assert await has_result(queue, claim.job.id)
