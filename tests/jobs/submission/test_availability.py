"""The refusal of too many waiting jobs states when the first of them is expected to be ready."""

from datetime import UTC, datetime

import pytest

from common.options import PaintOptions
from jobs.model import Progress
from jobs.outcomes import Unforeseen
from jobs.queue import JobQueue
from tests.kit.samples import (
    RESULT,
    FakeClock,
    Storage,
    claim_job,
    engine_info,
    paint_report,
    submit_job,
    submit_refused,
)


async def ready_at(queue: JobQueue, job_id: int) -> datetime:
    position = await queue.positions.get(job_id)
    assert position is not None
    assert position.ready_at is not None
    return position.ready_at


async def test_refusal_says_when_the_members_first_job_is_ready(
    queue: JobQueue, clock: FakeClock
) -> None:
    await queue.limits.set(5, {"max_waiting_per_user": 2}, 9)
    await queue.engines.register(engine_info())
    await submit_job(queue, 2, 6)
    mine = await submit_job(queue, options=PaintOptions(size_px=1024))
    await submit_job(queue)
    refusal = await submit_refused(queue)
    assert (refusal.limit, refusal.allowed, refusal.current) == ("max_waiting_per_user", 2, 2)
    assert refusal.available_at == await ready_at(queue, mine.id)
    assert refusal.unforeseen is None
    assert refusal.is_predicted
    await queue.claims.finish(await claim_job(queue), RESULT, paint_report())
    running = await claim_job(queue)
    assert running.job.id == mine.id
    await queue.claims.report_progress(running, Progress(1, 9, 0.1, seconds_left=30.0))
    assert (await submit_refused(queue)).available_at == datetime.fromtimestamp(clock.now + 30, UTC)
    await queue.claims.finish(running, RESULT, paint_report())
    await submit_job(queue)


async def test_a_short_job_behind_a_long_one_is_ready_first_on_a_second_engine(
    queue: JobQueue,
) -> None:
    await queue.limits.set(5, {"max_waiting_per_user": 2}, 9)
    for name in ("one", "two"):
        await queue.engines.register(engine_info(name))
    await submit_job(queue, options=PaintOptions(size_px=2048))
    short = await submit_job(queue)
    assert (await submit_refused(queue)).available_at == await ready_at(queue, short.id)


async def test_refusal_under_a_lowered_limit_waits_for_all_excess_jobs(queue: JobQueue) -> None:
    await queue.engines.register(engine_info())
    jobs = [await submit_job(queue) for _ in range(4)]
    await queue.limits.set(5, {"max_waiting_per_user": 2}, 9)
    refusal = await submit_refused(queue)
    assert refusal.available_at == await ready_at(queue, jobs[2].id)
    for _ in range(2):
        await queue.claims.finish(await claim_job(queue), RESULT, paint_report())
    await submit_refused(queue)
    await queue.claims.finish(await claim_job(queue), RESULT, paint_report())
    await submit_job(queue)


async def test_server_limit_counts_jobs_of_all_its_members(queue: JobQueue) -> None:
    await queue.limits.set(5, {"max_waiting_per_server": 2}, 9)
    await queue.engines.register(engine_info())
    await submit_job(queue, 1, 6)
    first = await submit_job(queue, 2)
    await submit_job(queue, 3)
    refusal = await submit_refused(queue, 4)
    assert refusal.limit == "max_waiting_per_server"
    assert refusal.available_at == await ready_at(queue, first.id)


async def test_operator_limit_counts_jobs_everywhere(storage: Storage, clock: FakeClock) -> None:
    settings = storage.settings(atelier_max_waiting_per_user=2)
    async with await JobQueue.open(settings, clock=clock) as queue:
        await queue.engines.register(engine_info())
        private = await submit_job(queue, 1, None)
        await submit_job(queue, 1, 6)
        refusal = await submit_refused(queue, 1, 5)
        assert refusal.by_operator
        assert refusal.available_at == await ready_at(queue, private.id)


@pytest.mark.parametrize("reason", list(Unforeseen))
async def test_refusal_says_why_no_time_can_be_predicted(
    queue: JobQueue, clock: FakeClock, reason: Unforeseen
) -> None:
    await queue.limits.set(5, {"max_waiting_per_user": 1}, 9)
    await queue.engines.register(engine_info())
    await submit_job(queue)
    if reason is Unforeseen.PAUSED:
        await queue.pauses.pause(5, 9)
    else:
        clock.advance(3600)
    if reason is Unforeseen.STARTING:
        await queue.engines.expect()
    refusal = await submit_refused(queue)
    assert (refusal.available_at, refusal.unforeseen) == (None, reason)


async def test_pause_keeps_the_predicted_end_of_a_running_job(
    queue: JobQueue, clock: FakeClock
) -> None:
    await queue.limits.set(5, {"max_waiting_per_user": 1}, 9)
    await queue.engines.register(engine_info())
    await submit_job(queue)
    await queue.claims.report_progress(
        await claim_job(queue), Progress(1, 2, 0.5, seconds_left=8.0)
    )
    await queue.pauses.pause(5, 9)
    assert (await submit_refused(queue)).available_at == datetime.fromtimestamp(clock.now + 8, UTC)


async def test_size_limit_refusal_has_no_unforeseen_reason(queue: JobQueue) -> None:
    await queue.limits.set(5, {"max_size_px": 128}, 9)
    assert (await submit_refused(queue)).unforeseen is None
