"""Jobs that paint a clip: what they cost, what they keep, and that all of it goes again."""

from dataclasses import replace

import pytest

from common.options import ClipInput, PaintInputs, PaintOptions, StyleInput
from common.store import key_for
from jobs.model import PaintedClip, Progress
from jobs.order.speeds import CLIP_FRAME_WORK, speed_class_of, work_of
from jobs.outcomes import LeaseHeld
from jobs.queue import JobQueue
from tests.kit.samples import PICTURE, accepted, claimed, delete_for_good, report

CLIP = ClipInput(picture=key_for(b"a clip", "clip"), frames=24, seconds=2.0)
FILES = ("png", "clip", "mp4", "gif", "webp")
MOVING = PaintInputs(content=PICTURE, styles=(StyleInput(preset="the-scream"),), clip=CLIP)


def test_a_clip_is_one_of_the_pictures_of_its_job() -> None:
    assert MOVING.picture_keys() == (PICTURE, CLIP.picture)


def test_work_knows_frames() -> None:
    options = PaintOptions(size_px=320)
    assert work_of(options, 0.75, frames=1) == work_of(options, 0.75)
    assert work_of(options, 0.75, frames=11) == pytest.approx(
        work_of(options, 0.75) * (1 + 10 * CLIP_FRAME_WORK)
    )


def test_clips_are_measured_apart_from_stills() -> None:
    options = PaintOptions(size_px=8192, quality="standard")
    still, moving = speed_class_of(options), speed_class_of(options, moves=True)
    assert still != moving
    assert len(moving) <= 40


async def test_a_clip_costs_its_frames(queue: JobQueue) -> None:
    still = await accepted(queue)
    moving = await accepted(queue, inputs=MOVING)
    expected = 1 + 23 * CLIP_FRAME_WORK
    assert moving.predicted_seconds == pytest.approx(expected * still.predicted_seconds)


async def test_all_files_of_a_painted_clip_are_kept_and_go_with_it(queue: JobQueue) -> None:
    stored = {kind: await queue.store.put(kind.encode(), kind) for kind in FILES}
    content, clip = stored.pop("png"), CLIP.model_copy(update={"picture": stored.pop("clip")})
    painted = await queue.store.put(b"a painted clip", "clip")
    inputs = MOVING.model_copy(update={"content": content, "clip": clip})
    job = await accepted(queue, inputs=inputs)
    claim = await claimed(queue)
    progress = Progress(1, 2, 0.5, frame=3, frames=24)
    assert await queue.claims.report_progress(claim, progress) == LeaseHeld()
    seen = await queue.jobs.get(job.id)
    assert seen is not None
    assert seen.progress is not None
    assert (seen.progress.frame, seen.progress.frames) == (3, 24)
    made = PaintedClip(painted, frames=24, seconds=2.0, plays=0, files=stored)
    finished = replace(report(), clip=made)
    assert await queue.claims.finish(claim, content, finished) == LeaseHeld()
    done = await queue.jobs.get(job.id)
    assert done is not None
    assert done.report is not None
    assert done.report.clip == made
    files = {content, clip.picture, painted, *stored.values()}
    assert set((await queue.privacy.export_user(job.user_id)).picture_keys) == files
    await delete_for_good(queue, job.id, job.user_id)
    assert (await queue.privacy.export_user(job.user_id)).picture_keys == ()
