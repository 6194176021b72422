"""Measuring the speed of engines by finished jobs."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from common.options import PaintInputs, PaintOptions, StyleInput
from jobs.db import schema
from jobs.model import Progress
from jobs.queue import JobQueue
from tests.kit.samples import (
    PICTURE,
    RESULT,
    FakeClock,
    advance_with_reaper,
    claim_job,
    engine_info,
    paint_report,
    reload,
    submit_job,
)

FOUR = PaintOptions(size_px=256, variants=4)
KEYS = tuple(f"{number:064x}.png" for number in range(4))
SECONDS = 80.0


async def measured_speeds(queue: JobQueue) -> list[float]:
    """The measured seconds per unit of work."""
    async with queue.database.read() as connection:
        return list(await connection.scalars(sa.select(schema.speeds.c.seconds_per_work)))


async def job_work(queue: JobQueue) -> float:
    async with queue.database.read() as connection:
        return float(await connection.scalar(sa.select(schema.jobs.c.work)) or 0.0)


async def test_uninterrupted_job_measures_its_engines_speed(queue: JobQueue) -> None:
    await queue.engines.register(engine_info())
    await submit_job(queue, options=FOUR)
    await queue.claims.finish(await claim_job(queue), KEYS[0], paint_report(SECONDS))
    assert await measured_speeds(queue) == [pytest.approx(SECONDS / await job_work(queue))]


async def test_speed_counts_what_a_picture_takes_besides_its_iterations(queue: JobQueue) -> None:
    """Else the time that members are shown for a small picture would be half of what it takes."""
    await queue.engines.register(engine_info())
    first = await submit_job(queue)
    report = replace(paint_report(10.0), whole_seconds=20.0)
    await queue.claims.finish(await claim_job(queue), RESULT, report)
    assert first.predicted_seconds != pytest.approx(20.0)
    assert (await submit_job(queue)).predicted_seconds == pytest.approx(20.0)


@pytest.mark.parametrize("dies", [False, True])
async def test_job_continued_from_another_engine_measures_no_speed(
    queue: JobQueue, clock: FakeClock, dies: bool
) -> None:
    """Whether that engine died or was stopped, and left a checkpoint or finished versions."""
    await queue.engines.register(engine_info())
    for done, key in ((KEYS[:3], None), ((), RESULT)):
        await submit_job(queue, options=FOUR)
        claim = await claim_job(queue)
        await queue.claims.report_progress(claim, Progress(3, 12, 0.75, done=done))
        if key is not None:
            await queue.claims.save_checkpoint(claim, key)
        if dies:
            assert await advance_with_reaper(queue, clock, 60.0)
        else:
            await queue.claims.release(claim)
        rest = replace(paint_report(SECONDS / 4), variants=KEYS)
        await queue.claims.finish(await claim_job(queue), KEYS[0], rest)
    assert await measured_speeds(queue) == []


async def test_styles_left_out_are_not_counted_as_work(queue: JobQueue) -> None:
    await queue.engines.register(engine_info())
    names = ("a", "b", "c", "d")
    styles = tuple(StyleInput(preset=name) for name in names)
    inputs = PaintInputs(content=PICTURE, styles=styles)
    whole = await submit_job(
        queue, inputs=inputs, options=FOUR.model_copy(update={"vary": "style"})
    )
    before, claim = await job_work(queue), await claim_job(queue)
    await queue.claims.leave_out(claim, ["b", "d"])
    await queue.claims.leave_out(claim, ["b", "d"])
    await queue.claims.finish(claim, KEYS[0], paint_report(SECONDS))
    assert await job_work(queue) == pytest.approx(before / 2)
    assert await measured_speeds(queue) == [pytest.approx(SECONDS / (before / 2))]
    job = await reload(queue, whole)
    assert job.predicted_seconds == pytest.approx(whole.predicted_seconds / 2)


async def test_zero_duration_measures_no_speed(queue: JobQueue) -> None:
    """An infinite speed would make every prediction zero."""
    await queue.engines.register(engine_info())
    await submit_job(queue)
    await queue.claims.finish(await claim_job(queue), RESULT, paint_report(0.0))
    assert await measured_speeds(queue) == []
