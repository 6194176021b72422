"""How many pictures of an unfinished job count toward the member's daily limit."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from common.options import PaintInputs, PaintOptions, StyleInput
from common.store import key_for
from jobs.model import Claim, FailureKind, JobState, PaintReport, Progress
from jobs.outcomes import ClearUndone, Refused
from jobs.queue import JobQueue
from tests.kit.samples import (
    RESULT,
    FakeClock,
    Storage,
    advance_with_reaper,
    claim_job,
    failure,
    paint_report,
    reload,
    submission,
    submit_job,
)

MEMBER, MODERATOR = 1, 9
PHOTOS = tuple(key_for(f"photograph {number}".encode(), "png") for number in range(10))
PAINTED = tuple(key_for(f"painting {number}".encode(), "png") for number in range(10))
ALBUM: dict[str, Any] = {
    "inputs": PaintInputs(
        content=PHOTOS[0], more_contents=PHOTOS[1:], styles=(StyleInput(preset="starry-night"),)
    ),
    "options": PaintOptions(size_px=256, variants=10, vary="photo"),
}

Ending = Callable[[JobQueue, FakeClock], Awaitable[object]]


async def paint_some(queue: JobQueue, count: int, engine: str = "engine") -> Claim:
    """Claim the next job, and finish some of its pictures."""
    claim = await claim_job(queue, engine)
    progress = Progress(0, 10, count / 10, done=PAINTED[:count])
    await queue.claims.report_progress(claim, progress)
    return claim


async def daily_count(queue: JobQueue, guild_id: int | None = 5) -> int:
    """The number of the member's pictures that count today."""
    _, today = await queue.submissions.usage(submission(MEMBER, guild_id).asker)
    return today.current


async def job_id_of(queue: JobQueue) -> int:
    (job,) = await queue.jobs.of_user(MEMBER)
    return job.id


# Cancelled


async def cancelled_while_queued(queue: JobQueue, _: FakeClock) -> None:
    await queue.jobs.cancel(await job_id_of(queue), MEMBER)


def cancelled_after(finished: int, *, by: int = MEMBER) -> Ending:
    async def ending(queue: JobQueue, _: FakeClock) -> None:
        claim = await paint_some(queue, finished)
        await queue.jobs.cancel(claim.job.id, by, by_admin=by != MEMBER)
        await queue.claims.cancelled(claim)

    ending.__name__ = f"cancelled_after_{finished}_by_{by}"
    return ending


async def cancelled_after_release(queue: JobQueue, _: FakeClock) -> None:
    await queue.claims.release(await paint_some(queue, 3))
    await queue.jobs.cancel(await job_id_of(queue), MEMBER)


async def cancelled_after_engine_death(queue: JobQueue, clock: FakeClock) -> None:
    await paint_some(queue, 3)
    await advance_with_reaper(queue, clock, 60)
    await queue.jobs.cancel(await job_id_of(queue), MEMBER)


async def engine_died_while_cancelling(queue: JobQueue, clock: FakeClock) -> None:
    claim = await paint_some(queue, 3)
    await queue.jobs.cancel(claim.job.id, MEMBER)
    await advance_with_reaper(queue, clock, 60)


async def finished_despite_cancel(queue: JobQueue, _: FakeClock) -> None:
    claim = await paint_some(queue, 9)
    await queue.jobs.cancel(claim.job.id, MEMBER)
    await queue.claims.finish(claim, RESULT, paint_report())


async def all_finished_despite_cancel(queue: JobQueue, _: FakeClock) -> None:
    claim = await paint_some(queue, 9)
    await queue.jobs.cancel(claim.job.id, MEMBER)
    several = PaintReport("lite", "cpu", "fp32", 256, 192, 12.0, 300, 7, variants=PAINTED)
    await queue.claims.finish(claim, PAINTED[0], several)


async def cancelled_on_second_engine(queue: JobQueue, _: FakeClock) -> None:
    await queue.claims.release(await paint_some(queue, 3))
    claim = await paint_some(queue, 5, "another")
    await queue.jobs.cancel(claim.job.id, MEMBER)
    await queue.claims.cancelled(claim)


async def cleared_after_release(queue: JobQueue, _: FakeClock) -> None:
    await queue.claims.release(await paint_some(queue, 3))
    await queue.clearings.clear(5, MODERATOR)


async def erased(queue: JobQueue, _: FakeClock) -> None:
    await paint_some(queue, 3)
    await queue.privacy.erase_user(MEMBER)


# Failed


def failed(kind: FailureKind) -> Ending:
    async def ending(queue: JobQueue, _: FakeClock) -> None:
        await queue.claims.fail(await paint_some(queue, 3), failure(kind))

    ending.__name__ = f"failed_{kind}"
    return ending


async def engine_died_three_times(queue: JobQueue, clock: FakeClock) -> None:
    for _ in range(3):
        await paint_some(queue, 3)
        await advance_with_reaper(queue, clock, 60)


async def engine_hung_three_times(queue: JobQueue, _: FakeClock) -> None:
    for _time in range(3):
        claim = await paint_some(queue, 3)
        await queue.claims.hung(claim, "no sign of life", failure(FailureKind.LOST))


async def engines_hung_for_all_users(queue: JobQueue, clock: FakeClock) -> None:
    mine = await job_id_of(queue)
    other = await submit_job(queue, 2)
    await queue.jobs.move_to_front(other.id, MODERATOR)
    await queue.claims.hung(await claim_job(queue), "no sign of life", failure(FailureKind.LOST))
    await queue.jobs.cancel(other.id, 2)
    await engine_hung_three_times(queue, clock)
    ended = await reload(queue, mine)
    assert ended.state is JobState.FAILED


# Done


async def done(queue: JobQueue, _: FakeClock) -> None:
    several = PaintReport("lite", "cpu", "fp32", 256, 192, 12.0, 300, 7, variants=PAINTED)
    await queue.claims.finish(await paint_some(queue, 9), PAINTED[0], several)


ENDINGS_BY_COUNT: dict[int, list[Ending]] = {
    0: [
        cancelled_while_queued,
        failed(FailureKind.ENGINE),
        failed(FailureKind.INTERNAL),
        failed(FailureKind.STYLE_MISSING),
        engines_hung_for_all_users,
    ],
    1: [cancelled_after(0)],
    3: [cancelled_after_release, cleared_after_release],
    4: [
        cancelled_after(3),
        cancelled_after(3, by=MODERATOR),
        cancelled_after_engine_death,
        engine_died_while_cancelling,
        erased,
        failed(FailureKind.INPUT),
        engine_died_three_times,
        engine_hung_three_times,
    ],
    6: [cancelled_on_second_engine],
    10: [cancelled_after(9), finished_despite_cancel, all_finished_despite_cancel, done],
}


@pytest.mark.parametrize(
    ("ending", "count"),
    [(ending, count) for count, endings in ENDINGS_BY_COUNT.items() for ending in endings],
)
async def test_daily_count_keeps_begun_pictures_and_drops_unpainted_ones(
    queue: JobQueue, clock: FakeClock, ending: Ending, count: int
) -> None:
    await submit_job(queue, MEMBER, **ALBUM)
    assert await daily_count(queue) == 10
    await ending(queue, clock)
    for guild_id in (5, None):  # the server's limit, and the operator's
        assert await daily_count(queue, guild_id) == count
    waiting, _ = await queue.submissions.usage(submission(MEMBER).asker)
    assert waiting.current == 0


async def test_pictures_given_back_are_available_for_new_jobs(
    storage: Storage, clock: FakeClock
) -> None:
    async with await JobQueue.open(storage.settings(atelier_max_per_day=10), clock=clock) as queue:
        await submit_job(queue, MEMBER, **ALBUM)
        await cancelled_after(3)(queue, clock)
        for _ in range(6):
            await submit_job(queue, MEMBER)
        refused = await queue.submissions.submit(submission(MEMBER))
        assert isinstance(refused, Refused)
        assert (refused.refusal.limit, refused.refusal.current) == ("max_per_day", 10)


async def test_repeated_cancelling_does_not_exceed_the_daily_limit(
    storage: Storage, clock: FakeClock
) -> None:
    begun = 0
    async with await JobQueue.open(storage.settings(atelier_max_per_day=20), clock=clock) as queue:
        while not isinstance(await queue.submissions.submit(submission(MEMBER, **ALBUM)), Refused):
            claim = await paint_some(queue, 1)
            await queue.jobs.cancel(claim.job.id, MEMBER)
            await queue.claims.cancelled(claim)
            begun += 2
    assert 10 < begun <= 20


async def test_undone_clear_counts_all_pictures_of_a_job_again(queue: JobQueue) -> None:
    await submit_job(queue, MEMBER, **ALBUM)
    await queue.claims.release(await paint_some(queue, 3))
    cleared = await queue.clearings.clear(5, MODERATOR)
    assert isinstance(await queue.clearings.undo(cleared.id, 5, MODERATOR), ClearUndone)
    waiting, today = await queue.submissions.usage(submission(MEMBER).asker)
    assert (waiting.current, today.current) == (7, 10)  # three are already finished


async def test_retried_job_counts_all_its_pictures_again(queue: JobQueue, clock: FakeClock) -> None:
    job = await submit_job(queue, MEMBER, **ALBUM)
    await cancelled_after(3)(queue, clock)
    await queue.jobs.retry(job.id)
    waiting, today = await queue.submissions.usage(submission(MEMBER).asker)
    assert (waiting.current, today.current) == (7, 10)  # three are already finished
    claim = await claim_job(queue)
    assert claim.done == PAINTED[:3]
    await queue.claims.finish(claim, PAINTED[0], paint_report())
    assert await daily_count(queue) == 10
    (day,) = (await queue.statistics.read(None)).days
    assert day.pictures == 10


async def test_statistics_include_finished_pictures_of_a_cancelled_job(
    queue: JobQueue, clock: FakeClock
) -> None:
    await submit_job(queue, MEMBER, **ALBUM)
    await cancelled_after(3)(queue, clock)
    (day,) = (await queue.statistics.read(None)).days
    assert (day.pictures, day.failures) == (3, 0)


async def test_uncounted_job_stays_uncounted_after_a_retry_is_cancelled(
    queue: JobQueue, clock: FakeClock
) -> None:
    job = await submit_job(queue, MEMBER, **ALBUM)
    await failed(FailureKind.ENGINE)(queue, clock)
    await queue.jobs.retry(job.id)
    claim = await claim_job(queue)
    await queue.jobs.cancel(job.id, MEMBER)
    await queue.claims.cancelled(claim)
    assert await daily_count(queue) == 0


async def test_cancelling_costs_no_turn_for_unpainted_pictures(queue: JobQueue) -> None:
    """The member's turn is delayed only by the pictures that were painted."""
    await submit_job(queue, MEMBER, **ALBUM)
    claim = await paint_some(queue, 1)
    others = [await submit_job(queue, 2) for _ in range(8)]
    await queue.jobs.cancel(claim.job.id, MEMBER)
    await queue.claims.cancelled(claim)
    again = await submit_job(queue, MEMBER)
    order = [job.id for job in await queue.positions.waiting(5, limit=20)]
    assert order.index(again.id) in {2, 3}
    assert [job_id for job_id in order if job_id != again.id] == [job.id for job in others]
