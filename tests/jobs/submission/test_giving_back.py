"""What of several pictures counts to their member's day, where the job ends before its end."""

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


async def paint(queue: JobQueue, count: int, engine: str = "engine") -> Claim:
    """Claim the next job, and finish so many of its pictures."""
    claim = await claim_job(queue, engine)
    told = Progress(0, 10, count / 10, done=PAINTED[:count])
    await queue.claims.report_progress(claim, told)
    return claim


async def counted(queue: JobQueue, guild_id: int | None = 5) -> int:
    """How many of the member's pictures count to the day."""
    _, today = await queue.submissions.usage(submission(MEMBER, guild_id).asker)
    return today.current


async def job_id_of(queue: JobQueue) -> int:
    (job,) = await queue.jobs.of_user(MEMBER)
    return job.id


# Cancelled


async def before_it_was_painted(queue: JobQueue, _: FakeClock) -> None:
    await queue.jobs.cancel(await job_id_of(queue), MEMBER)


def stopped_after(finished: int, *, by: int = MEMBER) -> Ending:
    async def stopped(queue: JobQueue, _: FakeClock) -> None:
        claim = await paint(queue, finished)
        await queue.jobs.cancel(claim.job.id, by, by_admin=by != MEMBER)
        await queue.claims.cancelled(claim)

    stopped.__name__ = f"after_{finished}_by_{by}"
    return stopped


async def while_it_waits_after_a_shutdown(queue: JobQueue, _: FakeClock) -> None:
    await queue.claims.release(await paint(queue, 3))
    await queue.jobs.cancel(await job_id_of(queue), MEMBER)


async def while_it_waits_after_the_death_of_its_engine(queue: JobQueue, clock: FakeClock) -> None:
    await paint(queue, 3)
    await advance_with_reaper(queue, clock, 60)
    await queue.jobs.cancel(await job_id_of(queue), MEMBER)


async def when_its_engine_dies_before_it_stops(queue: JobQueue, clock: FakeClock) -> None:
    claim = await paint(queue, 3)
    await queue.jobs.cancel(claim.job.id, MEMBER)
    await advance_with_reaper(queue, clock, 60)


async def when_it_is_finished_after_all(queue: JobQueue, _: FakeClock) -> None:
    claim = await paint(queue, 9)
    await queue.jobs.cancel(claim.job.id, MEMBER)
    await queue.claims.finish(claim, RESULT, paint_report())


async def when_all_were_finished(queue: JobQueue, _: FakeClock) -> None:
    claim = await paint(queue, 9)
    await queue.jobs.cancel(claim.job.id, MEMBER)
    several = PaintReport("lite", "cpu", "fp32", 256, 192, 12.0, 300, 7, variants=PAINTED)
    await queue.claims.finish(claim, PAINTED[0], several)


async def by_another_engine_that_goes_on(queue: JobQueue, _: FakeClock) -> None:
    await queue.claims.release(await paint(queue, 3))
    claim = await paint(queue, 5, "another")
    await queue.jobs.cancel(claim.job.id, MEMBER)
    await queue.claims.cancelled(claim)


async def with_all_that_waits(queue: JobQueue, _: FakeClock) -> None:
    await queue.claims.release(await paint(queue, 3))
    await queue.clearings.clear(5, MODERATOR)


async def by_having_all_data_erased(queue: JobQueue, _: FakeClock) -> None:
    await paint(queue, 3)
    await queue.privacy.erase_user(MEMBER)


# Failed


def failed(kind: FailureKind) -> Ending:
    async def ending(queue: JobQueue, _: FakeClock) -> None:
        await queue.claims.fail(await paint(queue, 3), failure(kind))

    ending.__name__ = f"failed_by_{kind}"
    return ending


async def as_its_engines_died(queue: JobQueue, clock: FakeClock) -> None:
    for _ in range(3):
        await paint(queue, 3)
        await advance_with_reaper(queue, clock, 60)


async def as_its_engines_hung(queue: JobQueue, _: FakeClock) -> None:
    for _time in range(3):
        claim = await paint(queue, 3)
        await queue.claims.hung(claim, "no sign of life", failure(FailureKind.LOST))


async def as_everybodys_engines_hung(queue: JobQueue, clock: FakeClock) -> None:
    mine = await job_id_of(queue)
    theirs = await submit_job(queue, 2)
    await queue.jobs.move_to_front(theirs.id, MODERATOR)
    await queue.claims.hung(await claim_job(queue), "no sign of life", failure(FailureKind.LOST))
    await queue.jobs.cancel(theirs.id, 2)
    await as_its_engines_hung(queue, clock)
    ended = await queue.jobs.get(mine)
    assert ended is not None
    assert ended.state is JobState.FAILED


# Done


async def done(queue: JobQueue, _: FakeClock) -> None:
    several = PaintReport("lite", "cpu", "fp32", 256, 192, 12.0, 300, 7, variants=PAINTED)
    await queue.claims.finish(await paint(queue, 9), PAINTED[0], several)


COUNTS: dict[int, list[Ending]] = {
    0: [
        before_it_was_painted,
        failed(FailureKind.ENGINE),
        failed(FailureKind.INTERNAL),
        failed(FailureKind.STYLE_MISSING),
        as_everybodys_engines_hung,
    ],
    1: [stopped_after(0)],
    3: [while_it_waits_after_a_shutdown, with_all_that_waits],
    4: [
        stopped_after(3),
        stopped_after(3, by=MODERATOR),
        while_it_waits_after_the_death_of_its_engine,
        when_its_engine_dies_before_it_stops,
        by_having_all_data_erased,
        failed(FailureKind.INPUT),
        as_its_engines_died,
        as_its_engines_hung,
    ],
    6: [by_another_engine_that_goes_on],
    10: [stopped_after(9), when_it_is_finished_after_all, when_all_were_finished, done],
}


@pytest.mark.parametrize(
    ("ending", "count"),
    [(ending, count) for count, endings in COUNTS.items() for ending in endings],
)
async def test_daily_count_keeps_begun_pictures_and_drops_unpainted_ones(
    queue: JobQueue, clock: FakeClock, ending: Ending, count: int
) -> None:
    await submit_job(queue, MEMBER, **ALBUM)
    assert await counted(queue) == 10
    await ending(queue, clock)
    for guild_id in (5, None):  # the server's numbers, and the operator's
        assert await counted(queue, guild_id) == count
    waiting, _ = await queue.submissions.usage(submission(MEMBER).asker)
    assert waiting.current == 0


async def test_pictures_given_back_are_available_for_new_jobs(
    storage: Storage, clock: FakeClock
) -> None:
    async with await JobQueue.open(storage.settings(atelier_max_per_day=10), clock=clock) as queue:
        await submit_job(queue, MEMBER, **ALBUM)
        await stopped_after(3)(queue, clock)
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
            claim = await paint(queue, 1)
            await queue.jobs.cancel(claim.job.id, MEMBER)
            await queue.claims.cancelled(claim)
            begun += 2
    assert 10 < begun <= 20


async def test_undone_clear_counts_all_pictures_of_a_job_again(queue: JobQueue) -> None:
    await submit_job(queue, MEMBER, **ALBUM)
    await queue.claims.release(await paint(queue, 3))
    cleared = await queue.clearings.clear(5, MODERATOR)
    assert isinstance(await queue.clearings.undo(cleared.id, 5, MODERATOR), ClearUndone)
    waiting, today = await queue.submissions.usage(submission(MEMBER).asker)
    assert (waiting.current, today.current) == (7, 10)  # three wait for nothing any more


async def test_retried_job_counts_all_its_pictures_again(queue: JobQueue, clock: FakeClock) -> None:
    job = await submit_job(queue, MEMBER, **ALBUM)
    await stopped_after(3)(queue, clock)
    await queue.jobs.retry(job.id)
    waiting, today = await queue.submissions.usage(submission(MEMBER).asker)
    assert (waiting.current, today.current) == (7, 10)  # three wait for nothing any more
    claim = await claim_job(queue)
    assert claim.done == PAINTED[:3]
    await queue.claims.finish(claim, PAINTED[0], paint_report())
    assert await counted(queue) == 10
    (day,) = (await queue.statistics.read(None)).days
    assert day.pictures == 10


async def test_statistics_include_finished_pictures_of_a_cancelled_job(
    queue: JobQueue, clock: FakeClock
) -> None:
    await submit_job(queue, MEMBER, **ALBUM)
    await stopped_after(3)(queue, clock)
    (day,) = (await queue.statistics.read(None)).days
    assert (day.pictures, day.failures + day.cancelled) == (3, 1)


async def test_uncounted_job_stays_uncounted_after_a_retry_is_cancelled(
    queue: JobQueue, clock: FakeClock
) -> None:
    job = await submit_job(queue, MEMBER, **ALBUM)
    await failed(FailureKind.ENGINE)(queue, clock)
    await queue.jobs.retry(job.id)
    claim = await claim_job(queue)
    await queue.jobs.cancel(job.id, MEMBER)
    await queue.claims.cancelled(claim)
    assert await counted(queue) == 0


async def test_cancelling_costs_no_turn_for_unpainted_pictures(queue: JobQueue) -> None:
    """Their next picture comes after as much of others' as was painted of theirs."""
    await submit_job(queue, MEMBER, **ALBUM)
    claim = await paint(queue, 1)
    others = [await submit_job(queue, 2) for _ in range(8)]
    await queue.jobs.cancel(claim.job.id, MEMBER)
    await queue.claims.cancelled(claim)
    again = await submit_job(queue, MEMBER)
    order = [job.id for job in await queue.positions.waiting(5, limit=20)]
    assert order.index(again.id) in {2, 3}
    assert [job_id for job_id in order if job_id != again.id] == [job.id for job in others]
