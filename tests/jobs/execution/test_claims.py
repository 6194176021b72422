import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from jobs.db import schema
from jobs.db.database import Transaction
from jobs.db.liveness import BotInfo
from jobs.db.rows import J
from jobs.execution.ending import HANGS_ALLOWED
from jobs.model import Claim, FailureKind, JobState, Progress
from jobs.outcomes import (
    CancelRequested,
    LeaseHeld,
    LeaseLost,
    OtherVersionError,
    QueueUnavailableError,
)
from jobs.queue import JobQueue
from tests.kit.samples import (
    PICTURE,
    RESULT,
    FakeClock,
    Storage,
    advance_with_reaper,
    claim_job,
    engine_info,
    failure,
    paint_report,
    reload,
    submit_job,
)


async def test_job_runs_from_queued_to_done(queue: JobQueue, clock: FakeClock) -> None:
    job = await submit_job(queue)
    assert job.state is JobState.QUEUED
    claim = await claim_job(queue)
    assert claim.job.id == job.id
    assert claim.job.state is JobState.RUNNING
    assert claim.job.attempts == 1
    assert await queue.claims.claim("other") is None
    clock.advance(5)
    outcome = await queue.claims.report_progress(
        claim, Progress(3, 10, 0.3, 12.0, PICTURE, "painting")
    )
    assert outcome == LeaseHeld()
    seen = await reload(queue, job)
    assert seen.progress == Progress(3, 10, 0.3, 12.0, PICTURE, "painting")
    assert seen.preview_key == PICTURE
    clock.advance(5)
    assert (
        await queue.claims.finish(claim, RESULT, paint_report(), timelapse_key=PICTURE)
        == LeaseHeld()
    )
    done = await reload(queue, job)
    assert done.state is JobState.DONE
    assert done.result_key == RESULT
    assert done.timelapse_key == PICTURE
    assert done.report == paint_report()
    assert done.ended_at is not None
    assert done.ended_at.timestamp() == clock.now
    kinds = [event.kind for event in await queue.jobs.history(job.id)]
    assert kinds == ["queued", "claimed", "done"]


async def every_write_is_refused(queue: JobQueue, old: Claim) -> bool:
    """Whether each write with a claim returns `LeaseLost` and changes nothing."""
    before = await queue.jobs.get(old.job.id)
    answers = [
        await queue.claims.renew(old),
        await queue.claims.report_progress(old, Progress(9, 10, 0.9)),
        await queue.claims.save_checkpoint(old, RESULT),
        await queue.claims.finish(old, RESULT, paint_report()),
        await queue.claims.fail(old, failure()),
        await queue.claims.cancelled(old),
        await queue.claims.release(old),
    ]
    return set(answers) == {LeaseLost()} and await queue.jobs.get(old.job.id) == before


async def test_engine_with_a_lost_lease_writes_nothing(queue: JobQueue, clock: FakeClock) -> None:
    job = await submit_job(queue)
    old = await claim_job(queue, "first", lease_seconds=30)
    await queue.claims.save_checkpoint(old, PICTURE)
    assert await advance_with_reaper(queue, clock, 31) == [job.id]
    new = await claim_job(queue, "second")
    assert new.job.id == job.id
    assert new.fence > old.fence
    assert new.checkpoint_key == PICTURE
    assert await every_write_is_refused(queue, old)
    assert await queue.claims.finish(new, RESULT, paint_report()) == LeaseHeld()


async def test_same_engine_with_an_old_fence_writes_nothing(
    queue: JobQueue, clock: FakeClock
) -> None:
    await submit_job(queue)
    old = await claim_job(queue)
    await advance_with_reaper(queue, clock, 31)
    new = await claim_job(queue)
    assert await every_write_is_refused(queue, old)
    assert await queue.claims.renew(new) == LeaseHeld()


async def test_a_renewed_lease_does_not_end(queue: JobQueue, clock: FakeClock) -> None:
    await submit_job(queue)
    claim = await claim_job(queue, lease_seconds=30)
    for _ in range(5):
        clock.advance(20)
        assert await queue.claims.renew(claim) == LeaseHeld()
        assert await queue.reaper.reap() == []


async def test_job_fails_at_its_third_engine_death(queue: JobQueue, clock: FakeClock) -> None:
    job = await submit_job(queue)
    for death in (1, 2, 3):
        claim = await claim_job(queue)
        assert claim.job.attempts == death
        assert await advance_with_reaper(queue, clock, 31) == [job.id]
    lost = await reload(queue, job)
    assert lost.state is JobState.FAILED
    assert lost.failure is not None
    assert lost.failure.kind is FailureKind.LOST
    assert "3 times" in lost.failure.message
    assert [job.id for job in await queue.deliveries.due()] == [job.id]


async def test_claim_reaps_expired_leases(queue: JobQueue, clock: FakeClock) -> None:
    job = await submit_job(queue)
    await claim_job(queue, "dies")
    again = None
    for _ in range(7):
        assert again is None
        clock.advance(5)
        queue.reaper._asked_at = float("-inf")
        again = await queue.claims.claim("lives")
    assert again is not None
    assert again.job.id == job.id


async def test_a_dead_engines_job_returns_to_its_old_place(
    queue: JobQueue, clock: FakeClock
) -> None:
    first, second, third = [await submit_job(queue, user) for user in (1, 2, 3)]
    assert (await claim_job(queue)).job.id == first.id
    await advance_with_reaper(queue, clock, 31)
    assert [job.id for job in await queue.positions.waiting(None)] == [
        first.id,
        second.id,
        third.id,
    ]
    position = await queue.positions.get(first.id)
    assert position is not None
    assert position.place == 1


async def test_a_released_job_keeps_its_place_and_its_attempts(queue: JobQueue) -> None:
    first, second = await submit_job(queue, 1), await submit_job(queue, 2)
    for _ in range(5):
        claim = await claim_job(queue)
        assert claim.job.id == first.id
        assert claim.job.attempts == 1
        await queue.claims.save_checkpoint(claim, PICTURE)
        assert await queue.claims.release(claim) == LeaseHeld()
    assert [job.id for job in await queue.positions.waiting(None)] == [first.id, second.id]
    assert (await claim_job(queue)).checkpoint_key == PICTURE


async def test_retryable_failure_is_tried_three_times(queue: JobQueue) -> None:
    job = await submit_job(queue)
    for _ in range(3):
        seen = await reload(queue, job)
        assert seen.state is JobState.QUEUED
        await queue.claims.fail(await claim_job(queue), failure(), retry=True)
    failed = await reload(queue, job)
    assert failed.state is JobState.FAILED
    assert failed.failure == failure()


async def test_finish_after_a_cancel_request_cancels_the_job(queue: JobQueue) -> None:
    job = await submit_job(queue)
    claim = await claim_job(queue)
    assert isinstance(await queue.jobs.cancel(job.id, 1), CancelRequested)
    assert await queue.claims.renew(claim) == LeaseHeld(cancel_requested=True)
    assert await queue.claims.finish(claim, RESULT, paint_report()) == LeaseHeld(
        cancel_requested=True
    )
    ended = await reload(queue, job)
    assert ended.state is JobState.CANCELLED


async def test_a_cancelled_job_of_a_dead_engine_ends(queue: JobQueue, clock: FakeClock) -> None:
    job = await submit_job(queue)
    await claim_job(queue)
    await queue.jobs.cancel(job.id, 1)
    await advance_with_reaper(queue, clock, 31)
    ended = await reload(queue, job)
    assert ended.state is JobState.CANCELLED


@pytest.mark.parametrize("column", ["options", "inputs", "target"])
@pytest.mark.parametrize("text", ['{"from": "the future"}', "no JSON at all", "[]"])
async def test_job_row_of_another_version_fails_with_an_explanation(
    queue: JobQueue, column: str, text: str
) -> None:
    unreadable, plain = await submit_job(queue, 1), await submit_job(queue, 2)
    async with queue.database.write() as transaction:
        await transaction.connection.execute(
            sa.update(schema.jobs).where(schema.jobs.c.id == unreadable.id).values({column: text})
        )
    assert (await claim_job(queue)).job.id == plain.id
    failed = await reload(queue, unreadable)
    assert failed.state is JobState.FAILED
    assert failed.failure is not None
    assert "another version" in failed.failure.message
    assert {job.id for job in await queue.deliveries.due()} == {unreadable.id, plain.id}


@pytest.mark.parametrize("newer_part", ["bot", "schema"])
async def test_engine_left_out_of_an_upgrade_refuses_newer_jobs(
    queue: JobQueue, newer_part: str
) -> None:
    newer = await submit_job(queue, 1)
    async with queue.database.write() as transaction:
        if newer_part == "schema":
            await transaction.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
        await transaction.execute(
            sa.update(schema.jobs).values(options='{"from": "the future"}').where(J.id == newer.id)
        )
    if newer_part == "bot":
        info = BotInfo("host-1-ab", 42, "host", 1, "99.0.0")
        await queue.bots.heartbeat(info, connected=True, latency_seconds=0.05)
    with pytest.raises(OtherVersionError, match=r"99.*start an engine of the bot's version"):
        await claim_job(queue)
    left = await reload(queue, newer)
    assert left.state is JobState.QUEUED
    assert (await queue.jobs.history(newer.id))[-1].kind == "queued"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("queued", {"state": "done", "result_key": RESULT, "ended_at": 1.0}),
        ("queued", {"state": "dreaming"}),
        ("queued", {"state": "running"}),
        ("queued", {"state": "cancelled"}),
        ("queued", {"delivered_at": 1.0}),
        ("queued", {"shown_revision": 99}),
        ("running", {"engine_id": None}),
        ("done", {"state": "queued", "ended_at": None}),
        ("done", {"state": "failed", "failure": "{}"}),
        ("done", {"result_key": None}),
        ("failed", {"failure": None}),
    ],
)
async def test_database_refuses_impossible_job_states(
    queue: JobQueue, before: str, after: dict[str, object]
) -> None:
    job = await submit_job(queue)
    if before != "queued":
        claim = await claim_job(queue)
        if before == "done":
            await queue.claims.finish(claim, RESULT, paint_report())
        if before == "failed":
            await queue.claims.fail(claim, failure())
    with pytest.raises(DBAPIError):
        async with queue.database.write() as transaction:
            await transaction.connection.execute(
                sa.update(schema.jobs).where(schema.jobs.c.id == job.id).values(after)
            )


async def test_engines_are_alive_while_their_heartbeats_are_recent(
    queue: JobQueue, clock: FakeClock
) -> None:
    await queue.engines.register(engine_info("a"))
    clock.advance(20)
    await queue.engines.register(engine_info("b"))
    assert (await queue.positions.overview(None)).engines_alive == 2
    clock.advance(20)
    assert (await queue.positions.overview(None)).engines_alive == 1
    assert await queue.engines.heartbeat("a")
    assert (await queue.positions.overview(None)).engines_alive == 2
    await queue.engines.forget("a")
    assert not await queue.engines.heartbeat("a")
    assert (await queue.positions.overview(None)).engines_alive == 1


async def test_concurrent_claims_give_each_job_to_one_engine(storage: Storage) -> None:
    async with contextlib.AsyncExitStack() as stack:
        queues = [
            await stack.enter_async_context(await JobQueue.open(storage.settings()))
            for _ in range(4)
        ]
        jobs = [await submit_job(queues[0], user) for user in range(1, 25)]
        await asyncio.gather(
            *(queues[n % 4].engines.register(engine_info(f"engine-{n % 6}")) for n in range(24))
        )
        claims = await asyncio.gather(
            *(queues[n % 4].claims.claim(f"engine-{n % 6}") for n in range(30))
        )
        held = [claim for claim in claims if claim is not None]
        assert sorted(claim.job.id for claim in held) == [job.id for job in jobs]
        ends = [
            queues[n % 4].claims.finish(claim, RESULT, paint_report())
            for n, claim in enumerate(held)
        ]
        assert set(await asyncio.gather(*ends)) == {LeaseHeld()}


async def test_retry_resets_the_hang_count(queue: JobQueue) -> None:
    job = await submit_job(queue)
    for _ in range(3):
        await queue.claims.hung(await claim_job(queue), "it hangs", failure(FailureKind.LOST))
    ended = await reload(queue, job)
    assert ended.state is JobState.FAILED
    assert await queue.jobs.retry(job.id)
    for state in (JobState.QUEUED, JobState.QUEUED, JobState.FAILED):
        await queue.claims.hung(await claim_job(queue), "it hangs", failure(FailureKind.LOST))
        now = await reload(queue, job)
        assert now.state is state


async def test_engine_regains_a_claim_whose_answer_was_lost(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection broke after the commit, so the engine does not know that it has the claim."""
    job = await submit_job(queue)
    await submit_job(queue, 2)
    write = queue.database.write

    @contextlib.asynccontextmanager
    async def commit_and_lose_answer(**options: bool) -> AsyncIterator[Transaction]:
        async with write(**options) as transaction:
            yield transaction
        raise QueueUnavailableError("The connection broke.")

    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(queue.database, "write", commit_and_lose_answer)
            with pytest.raises(QueueUnavailableError):
                await queue.claims.claim("engine")
    claim = await claim_job(queue)
    assert (claim.job.id, claim.job.attempts, claim.fence) == (job.id, 1, 3)
    assert await queue.claims.renew(claim) == LeaseHeld()
    assert (await claim_job(queue, "another")).job.id != job.id
    assert await queue.claims.claim("engine") is None


async def test_engine_with_an_uncertain_claim_takes_no_other_engines_job(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    await submit_job(queue)
    others = await claim_job(queue, "another")

    def raise_unavailable(**_options: bool) -> AbstractAsyncContextManager[Transaction]:
        raise QueueUnavailableError("The database is away.")

    await submit_job(queue, 2)
    with monkeypatch.context() as patch:
        patch.setattr(queue.database, "write", raise_unavailable)
        with pytest.raises(QueueUnavailableError):
            await queue.claims.claim("engine")
    assert (await claim_job(queue)).job.id != others.job.id
    assert await queue.claims.renew(others) == LeaseHeld()


async def test_job_is_not_blamed_for_hangs_of_another_job(queue: JobQueue) -> None:
    hanging, other = await submit_job(queue), await submit_job(queue, 2)
    for _ in range(HANGS_ALLOWED - 1):
        await queue.claims.hung(await claim_job(queue), "it hangs", failure(FailureKind.LOST))
    assert (await claim_job(queue)).job.id == hanging.id
    await queue.claims.hung(await claim_job(queue), "it hangs", failure(FailureKind.LOST))
    assert [job.id for job in await queue.positions.waiting(None)] == [other.id]
