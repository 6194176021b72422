"""Undoing a clearing restores the jobs as if they had never been cancelled."""

import random

import pytest
import sqlalchemy as sa

from common.options import PaintOptions
from jobs.db import schema
from jobs.management.clearing import UNDO_SECONDS
from jobs.model import Job, JobState
from jobs.outcomes import Cleared, ClearUndone, QueueUnavailableError, Refused, TooLateToUndo
from jobs.queue import JobQueue
from tests.kit.databases import fail_after_writes
from tests.kit.samples import (
    RESULT,
    FakeClock,
    Storage,
    claim_job,
    delete_for_good,
    paint_report,
    reload,
    submission,
    submit_job,
)

ADMIN = 9
NOTHING_LEFT = ClearUndone((), 0)


async def waiting_ids(queue: JobQueue) -> list[int]:
    return [job.id for job in await queue.positions.waiting(None, limit=1000)]


async def undo(queue: JobQueue, cleared: Cleared, guild_id: int | None = 5) -> ClearUndone:
    outcome = await queue.clearings.undo(cleared.id, guild_id, ADMIN)
    assert isinstance(outcome, ClearUndone)
    return outcome


async def test_clearing_cancels_only_the_servers_waiting_jobs(queue: JobQueue) -> None:
    jobs = [await submit_job(queue, user, 5) for user in (1, 2, 3)]
    other = await submit_job(queue, 1, 6)
    running = await claim_job(queue)
    cleared = await queue.clearings.clear(5, ADMIN)
    assert set(cleared.job_ids) == {job.id for job in jobs} - {running.job.id}
    assert await waiting_ids(queue) == [other.id]
    (entry,) = await queue.audit.read(5)
    assert (entry.id, entry.action, entry.details) == (cleared.id, "clear", {"count": 2})


async def test_undo_returns_cleared_jobs_to_their_old_places(queue: JobQueue) -> None:
    await queue.limits.set(5, {"priority_role_ids": [11]}, ADMIN)
    jobs = [await submit_job(queue, user, guild) for user in (1, 2) for guild in (5, 6, 5, None, 5)]
    await submit_job(queue, 3, 5, role_ids=(11,))
    await queue.jobs.move_to_front(jobs[9].id, ADMIN)
    before = await waiting_ids(queue)
    positions = await queue.positions.get_many(before)
    cleared = await queue.clearings.clear(5, ADMIN)
    assert len(cleared.job_ids) == 7
    outcome = await undo(queue, cleared)
    assert set(outcome.job_ids) == set(cleared.job_ids)
    assert outcome.lost == 0
    assert await waiting_ids(queue) == before
    assert await queue.positions.get_many(before) == positions
    assert [entry.action for entry in await queue.audit.read(5)][:2] == ["undo_clear", "clear"]
    assert (await queue.audit.read(5))[0].details == {"count": 7}
    history = await queue.jobs.history(jobs[0].id)
    assert [(event.kind, event.actor) for event in history] == [
        ("queued", "user:1"),
        ("cancelled", f"user:{ADMIN}"),
        ("put_back", f"user:{ADMIN}"),
    ]
    assert await undo(queue, cleared) == NOTHING_LEFT


@pytest.mark.parametrize("seed", range(3))
async def test_undone_clear_leaves_the_same_order_as_no_clear(queue: JobQueue, seed: int) -> None:
    """Two servers get equal jobs; one of them is cleared, and that is undone later."""
    rng = random.Random(seed)
    pairs: list[tuple[Job, Job]] = []

    async def submit_pairs(count: int) -> None:
        for _ in range(count):
            user, size = rng.randint(1, 4), rng.choice([64, 256, 512])
            options = PaintOptions(size_px=size)
            # Alternate submissions, so that job ids favor neither server.
            pairs.append(
                (
                    await submit_job(queue, user, 5, options=options),
                    await submit_job(queue, user + 10, 6, options=options),
                )
            )

    await submit_pairs(8)
    for _ in range(rng.randint(0, 2) * 2):
        await queue.claims.finish(await claim_job(queue), RESULT, paint_report())
    cleared = await queue.clearings.clear(5, ADMIN)
    await submit_pairs(5)
    await undo(queue, cleared)
    twins = {here.id: there.id for here, there in pairs}
    waiting = await queue.positions.waiting(None, limit=1000)
    here = [twins[job.id] for job in waiting if job.guild_id == 5]
    there = [job.id for job in waiting if job.guild_id == 6]
    assert here == there
    # The servers' jobs alternate, within one job of each.
    for place, job in enumerate(waiting):
        ahead = waiting[:place]
        assert abs(sum(1 if each.guild_id == 5 else -1 for each in ahead)) <= 2, job.id


async def test_undo_puts_jobs_before_the_users_later_jobs(queue: JobQueue) -> None:
    mine = [await submit_job(queue, 1) for _ in range(2)]
    theirs = await submit_job(queue, 2)
    cleared = await queue.clearings.clear(5, ADMIN)
    late = await submit_job(queue, 1)
    newcomer = await submit_job(queue, 3)
    await undo(queue, cleared)
    ids = await waiting_ids(queue)
    assert ids[0] == mine[0].id
    assert ids.index(mine[1].id) < ids.index(late.id)
    assert set(ids[1:3]) == {theirs.id, newcomer.id}


async def test_undo_makes_jobs_count_against_limits_again(
    storage: Storage, clock: FakeClock
) -> None:
    settings = storage.settings(atelier_max_waiting_per_user=2, atelier_max_per_day=3)
    async with await JobQueue.open(settings, clock=clock) as queue:
        await submit_job(queue, 1)
        await submit_job(queue, 1)
        cleared = await queue.clearings.clear(5, ADMIN)
        clock.advance(5)
        await submit_job(queue, 1)
        await undo(queue, cleared)
        refused = await queue.submissions.submit(submission(1))
        assert isinstance(refused, Refused)
        assert (refused.refusal.limit, refused.refusal.current) == ("max_waiting_per_user", 3)
        for _ in range(3):
            await queue.claims.finish(await claim_job(queue), RESULT, paint_report())
        refused = await queue.submissions.submit(submission(1))
        assert isinstance(refused, Refused)
        assert (refused.refusal.limit, refused.refusal.current) == ("max_per_day", 3)


async def test_undo_leaves_an_uncounted_job_uncounted(queue: JobQueue) -> None:
    job = await submit_job(queue)
    await queue.jobs.cancel(job.id, 1)
    await queue.jobs.retry(job.id)
    await undo(queue, await queue.clearings.clear(5, ADMIN))
    async with queue.database.read() as connection:
        assert not await connection.scalar(
            sa.select(schema.jobs.c.counted).where(schema.jobs.c.id == job.id)
        )


async def test_undo_makes_jobs_due_for_delivery_again(queue: JobQueue) -> None:
    job = await submit_job(queue)
    await queue.deliveries.mark_shown(job.id, job.revision)
    cleared = await queue.clearings.clear(5, ADMIN)
    await queue.deliveries.mark_delivered(job.id, how="edit")
    assert await queue.deliveries.due() == []
    await undo(queue, cleared)
    (shown,) = await queue.deliveries.due()
    assert (shown.id, shown.state, shown.ended_at) == (job.id, JobState.QUEUED, None)
    # A delivery of the cancelled state still in flight is not recorded.
    assert not await queue.deliveries.mark_delivered(job.id, how="edit")
    await queue.claims.finish(await claim_job(queue), RESULT, paint_report())
    assert await queue.deliveries.mark_delivered(job.id, how="edit")


async def test_undo_restores_only_jobs_cancelled_by_that_clear(queue: JobQueue) -> None:
    own = await submit_job(queue, 1)
    await queue.jobs.cancel(own.id, 1)
    first = await submit_job(queue, 1)
    one = await queue.clearings.clear(5, ADMIN)
    second = await submit_job(queue, 2)
    other = await queue.clearings.clear(5, ADMIN)
    assert (await undo(queue, other)).job_ids == (second.id,)
    assert (await undo(queue, one)).job_ids == (first.id,)
    assert (await reload(queue, own)).state is JobState.CANCELLED
    # A later cancellation by its owner is not undone.
    await queue.jobs.cancel(first.id, 1)
    assert await undo(queue, one) == NOTHING_LEFT


async def test_undo_skips_a_job_retried_since_the_clear(queue: JobQueue) -> None:
    job = await submit_job(queue)
    cleared = await queue.clearings.clear(5, ADMIN)
    assert await queue.jobs.retry(job.id) is not None
    await queue.jobs.cancel(job.id, 1)
    assert await undo(queue, cleared) == NOTHING_LEFT
    assert (await reload(queue, job)).state is JobState.CANCELLED


async def test_undo_leaves_jobs_without_pictures_cancelled(queue: JobQueue) -> None:
    deleted, kept = await submit_job(queue, 1), await submit_job(queue, 2)
    erased = await submit_job(queue, 3)
    cleared = await queue.clearings.clear(5, ADMIN)
    await delete_for_good(queue, deleted.id, 1)
    await queue.privacy.erase_user(3)
    outcome = await undo(queue, cleared)
    assert outcome == ClearUndone((kept.id,), 1)
    for job in (deleted, erased):
        assert (await reload(queue, job)).state is JobState.CANCELLED
    assert await undo(queue, cleared) == NOTHING_LEFT


async def test_clear_cannot_be_undone_after_ten_minutes(queue: JobQueue, clock: FakeClock) -> None:
    job = await submit_job(queue)
    cleared = await queue.clearings.clear(5, ADMIN)
    assert cleared.undo_until.timestamp() == clock.now + 600
    clock.advance(601)
    assert await queue.clearings.undo(cleared.id, 5, ADMIN) == TooLateToUndo()
    assert (await reload(queue, job)).state is JobState.CANCELLED
    clock.advance(86_400)
    await queue.retention.gc()
    async with queue.database.read() as connection:
        left = sa.select(sa.func.count()).select_from(schema.cleared_jobs)
        assert await connection.scalar(left) == 0


async def test_another_server_cannot_undo_a_clear(queue: JobQueue) -> None:
    await submit_job(queue)
    cleared = await queue.clearings.clear(5, ADMIN)
    assert await queue.clearings.undo(cleared.id, 6, ADMIN) == TooLateToUndo()
    await queue.blocks.add(5, 3, ADMIN)
    entry = (await queue.audit.read(5))[0]
    assert await queue.clearings.undo(entry.id, 5, ADMIN) == TooLateToUndo()


async def test_clear_of_all_servers_can_be_undone(queue: JobQueue) -> None:
    jobs = [await submit_job(queue, user, guild) for user in (1, 2) for guild in (5, 6, None)]
    before = await waiting_ids(queue)
    cleared = await queue.clearings.clear(None, ADMIN)
    assert set(cleared.job_ids) == {job.id for job in jobs}
    await undo(queue, cleared, None)
    assert await waiting_ids(queue) == before


async def test_undo_resets_the_delivery_attempts(queue: JobQueue) -> None:
    job = await submit_job(queue, 1, 5)
    cleared = await queue.clearings.clear(5, ADMIN)
    assert await queue.deliveries.count_attempt(job.id) == 1
    await undo(queue, cleared)
    assert await queue.deliveries.count_attempt(job.id) == 1


async def test_undo_leaves_a_job_deleted_by_its_member_cancelled(queue: JobQueue) -> None:
    """Also while the deletion can be undone; otherwise it would be painted without its pictures."""
    deleted, other = await submit_job(queue, 1), await submit_job(queue, 2)
    cleared = await queue.clearings.clear(5, ADMIN)
    assert await queue.retention.delete_soon(deleted.id, 1)
    outcome = await undo(queue, cleared)
    assert (outcome.job_ids, outcome.lost) == ((other.id,), 1)
    assert await waiting_ids(queue) == [other.id]
    back = await queue.retention.restore(deleted.id, 1, deleted.reply)
    assert back is not None
    assert back.back_until is None, "its card promises no longer that it may wait again"


async def interrupt_clear(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch, stops_at: int = 1
) -> None:
    """Clear the queue while the database fails after a number of writes."""
    with (
        fail_after_writes(queue, monkeypatch, stops_at),
        pytest.raises(QueueUnavailableError),
    ):
        await queue.clearings.clear(5, ADMIN)


@pytest.mark.parametrize("stops_at", range(1, 5))
async def test_interrupted_clear_is_undone_with_the_next_clear(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch, stops_at: int
) -> None:
    """The admin was told of the database outage, and cleared again."""
    for user in (1, 2, 3):
        await submit_job(queue, user)
    before = await waiting_ids(queue)
    await interrupt_clear(queue, monkeypatch, stops_at)
    cleared = await queue.clearings.clear(5, ADMIN)
    assert await waiting_ids(queue) == []
    assert (await queue.audit.read(5))[0].details == {"count": 3}
    outcome = await undo(queue, cleared)
    assert sorted(outcome.job_ids) == sorted(before)
    assert await waiting_ids(queue) == before
    await queue.clearings.clear(5, ADMIN)
    assert [entry.action for entry in await queue.audit.read(5)] == ["clear", "undo_clear", "clear"]


@pytest.mark.parametrize(
    ("guild_id", "admin", "seconds"),
    [(6, ADMIN, 0), (5, ADMIN + 1, 0), (5, ADMIN, UNDO_SECONDS)],
    ids=["another server", "another admin", "too late"],
)
async def test_interrupted_clear_is_continued_only_by_the_same_admin_in_time(
    queue: JobQueue,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    guild_id: int,
    admin: int,
    seconds: float,
) -> None:
    """Otherwise the log would name another admin, or the clearing could not be undone."""
    job = await submit_job(queue, 1, guild_id)
    await interrupt_clear(queue, monkeypatch)
    clock.advance(seconds)
    cleared = await queue.clearings.clear(guild_id, admin)
    (line,) = [each for each in await queue.audit.read(guild_id) if each.id == cleared.id]
    assert (line.user_id, line.at.timestamp()) == (admin, clock.now)
    assert (await undo(queue, cleared, guild_id)).job_ids == (job.id,)
