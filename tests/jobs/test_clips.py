"""Jobs that paint a clip: their cost, and the files they keep and delete."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from common.options import (
    CLIP_FRAME_WORK,
    ClipInput,
    PaintInputs,
    PaintOptions,
    StyleInput,
)
from common.store import key_for
from jobs.execution.ending import DEATHS_ALLOWED
from jobs.model import Claim, PaintedClip, Progress
from jobs.outcomes import LeaseHeld, LeaseLost
from jobs.queue import JobQueue
from jobs.scheduling.speeds import speed_class_of, work_of
from tests.kit.samples import (
    PICTURE,
    RESULT,
    FakeClock,
    advance_with_reaper,
    claim_job,
    delete_for_good,
    failure,
    paint_report,
    reload,
    submit_job,
)

CLIP = ClipInput(picture=key_for(b"a clip", "clip"), frames=24, seconds=2.0)
FILES = ("png", "clip", "mp4", "gif", "webp")
MOVING = PaintInputs(content=PICTURE, styles=(StyleInput(preset="the-scream"),), clip=CLIP)


def test_picture_keys_include_the_clip() -> None:
    assert MOVING.picture_keys() == (PICTURE, CLIP.picture)


def test_work_grows_with_frames() -> None:
    options = PaintOptions(size_px=320)
    assert work_of(options, 0.75, frames=1) == work_of(options, 0.75)
    assert work_of(options, 0.75, frames=11) == pytest.approx(
        work_of(options, 0.75) * (1 + 10 * CLIP_FRAME_WORK)
    )


def test_clips_and_stills_have_separate_speed_classes() -> None:
    options = PaintOptions(size_px=8192, quality="standard")
    still, moving = speed_class_of(options), speed_class_of(options, moves=True)
    assert still != moving
    assert len(moving) <= 40


async def test_predicted_time_of_a_clip_grows_with_its_frames(queue: JobQueue) -> None:
    still = await submit_job(queue)
    moving = await submit_job(queue, inputs=MOVING)
    expected = 1 + 23 * CLIP_FRAME_WORK
    assert moving.predicted_seconds == pytest.approx(expected * still.predicted_seconds)


async def test_files_of_a_painted_clip_are_exported_and_deleted_with_its_job(
    queue: JobQueue,
) -> None:
    stored = {kind: await queue.store.put(kind.encode(), kind) for kind in FILES}
    content, clip = stored.pop("png"), CLIP.model_copy(update={"picture": stored.pop("clip")})
    painted = await queue.store.put(b"a painted clip", "clip")
    inputs = MOVING.model_copy(update={"content": content, "clip": clip})
    job = await submit_job(queue, inputs=inputs)
    claim = await claim_job(queue)
    progress = Progress(1, 2, 0.5, frame=3, frames=24)
    assert await queue.claims.report_progress(claim, progress) == LeaseHeld()
    seen = await reload(queue, job)
    assert seen.progress is not None
    assert (seen.progress.frame, seen.progress.frames) == (3, 24)
    made = PaintedClip(painted, frames=24, seconds=2.0, plays=0, files=stored)
    finished = replace(paint_report(), clip=made)
    assert await queue.claims.finish(claim, content, finished) == LeaseHeld()
    done = await reload(queue, job)
    assert done.report is not None
    assert done.report.clip == made
    files = {content, clip.picture, painted, *stored.values()}
    assert set((await queue.privacy.export_user(job.user_id)).picture_keys) == files
    await delete_for_good(queue, job.id, job.user_id)
    assert (await queue.privacy.export_user(job.user_id)).picture_keys == ()


# Painted frames of a checkpoint


async def save_frames(
    queue: JobQueue, claim: Claim, first_number: int, *frames: bytes
) -> list[str]:
    """Store frames and a checkpoint of all so far; return the keys of these files."""
    keys = [await queue.store.put(frame, "png") for frame in frames]
    checkpoint = await queue.store.put(b"%d" % (first_number + len(frames)), "ckpt")
    numbers = dict(enumerate(keys, start=first_number))
    assert isinstance(await queue.claims.save_checkpoint(claim, checkpoint, numbers), LeaseHeld)
    return [*keys, checkpoint]


async def test_next_engine_gets_all_saved_frames(queue: JobQueue) -> None:
    await submit_job(queue, inputs=MOVING)
    claim = await claim_job(queue)
    assert claim.frames == ()
    first, second, _ = await save_frames(queue, claim, 0, b"one", b"two")
    (third, newest) = await save_frames(queue, claim, 2, b"three")
    await queue.claims.release(claim)
    again = await claim_job(queue, "another")
    assert (again.frames, again.checkpoint_key) == ((first, second, third), newest)
    assert again.done == ()
    assert await queue.claims.save_checkpoint(claim, RESULT, {3: RESULT}) == LeaseLost()
    await queue.claims.release(again)
    assert (await claim_job(queue)).frames == again.frames


@pytest.mark.usefixtures("delete_new_files")
async def test_restarted_clip_deletes_its_earlier_frames(queue: JobQueue) -> None:
    await submit_job(queue, inputs=MOVING)
    claim = await claim_job(queue)
    before = await save_frames(queue, claim, 0, b"one", b"two", b"three")
    now = await save_frames(queue, claim, 0, b"other", b"two")
    await queue.claims.release(claim)
    assert (await claim_job(queue)).frames == tuple(now[:2])
    there = [await queue.store.exists(key) for key in before]
    assert there == [False, True, False, False]  # the second is the same as before


async def finished(queue: JobQueue, claim: Claim) -> None:
    await queue.claims.finish(claim, await queue.store.put(b"done", "png"), paint_report())


async def failed(queue: JobQueue, claim: Claim) -> None:
    await queue.claims.fail(claim, failure())


async def cancelled(queue: JobQueue, claim: Claim) -> None:
    await queue.jobs.cancel(claim.job.id, claim.job.user_id)
    await queue.claims.cancelled(claim)


async def cancelled_then_released(queue: JobQueue, claim: Claim) -> None:
    await queue.jobs.cancel(claim.job.id, claim.job.user_id)
    await queue.claims.release(claim)


async def released_then_cancelled(queue: JobQueue, claim: Claim) -> None:
    await queue.claims.release(claim)
    await queue.jobs.cancel(claim.job.id, claim.job.user_id)


async def cleared(queue: JobQueue, claim: Claim) -> None:
    await queue.claims.release(claim)
    await queue.clearings.clear(None, 9)


async def erased(queue: JobQueue, claim: Claim) -> None:
    await queue.privacy.erase_user(claim.job.user_id)


@pytest.mark.usefixtures("delete_new_files")
@pytest.mark.parametrize(
    "end",
    [
        finished,
        failed,
        cancelled,
        cancelled_then_released,
        released_then_cancelled,
        cleared,
        erased,
    ],
)
async def test_frames_are_deleted_when_their_job_ends(
    queue: JobQueue, end: Callable[[JobQueue, Claim], Awaitable[None]]
) -> None:
    await submit_job(queue, inputs=MOVING)
    claim = await claim_job(queue)
    keys = await save_frames(queue, claim, 0, b"one", b"two")
    seen = (await queue.privacy.export_user(claim.job.user_id)).picture_keys
    assert not set(seen) & set(keys)
    await end(queue, claim)
    job = await queue.jobs.get(claim.job.id)
    assert job is None or job.state.ended
    assert [await queue.store.exists(key) for key in keys] == [False, False, False]


@pytest.mark.usefixtures("delete_new_files")
async def test_frames_survive_engine_deaths_until_the_job_ends(
    queue: JobQueue, clock: FakeClock
) -> None:
    job, keys = await submit_job(queue, inputs=MOVING), list[str]()
    for death in range(DEATHS_ALLOWED):
        claim = await claim_job(queue, f"engine-{death}")
        assert len(claim.frames) == death
        assert all([await queue.store.exists(key) for key in claim.frames])
        keys += await save_frames(queue, claim, death, b"frame %d" % death)
        assert await advance_with_reaper(queue, clock, 120) == [job.id]
    last = await reload(queue, job)
    assert last.state.ended
    assert not any([await queue.store.exists(key) for key in keys])
