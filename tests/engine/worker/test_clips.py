"""Clip jobs: painting, progress, cancelling and resuming by frames."""

import asyncio
import io
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from common.clips.clip import Clip, read_clip, write_clip
from common.clips.decode import decode
from common.options import ClipInput, PaintInputs, StyleInput
from common.pictures.kinds import ClipLimits, DecodeLimits
from common.settings import Settings
from common.store import PictureStore
from engine.scratch import SCRATCH
from engine.worker import clip_painting
from engine.worker.job_handle import CHECKPOINT_GONE, OTHER_WEIGHTS
from jobs.model import Job, JobState
from jobs.queue import JobQueue
from tests.engine.moving.frames import panning_frames
from tests.engine.worker.conftest import JobFactory, SlowPainting, change_lite_weights
from tests.engine.worker.workers import (
    paint_to_end,
    run_to_end,
    running_worker,
    state_of,
    wait_ended,
    wait_painting,
)
from tests.kit.pictures import photograph

TIMES_MS = (80, 120, 80, 200)


@pytest.fixture(autouse=True)
def _lite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATELIER_NETWORK", "lite")


async def make_clip_job(
    job_factory: JobFactory, images: Sequence[Image.Image], *, damaged: bool = False, **options: Any
) -> Job:
    store = job_factory.queue.store
    times = [TIMES_MS[number % len(TIMES_MS)] for number in range(len(images))]
    file = io.BytesIO()
    write_clip(file, images, times, plays=0, source="GIF")
    data = file.getvalue()[:-200] if damaged else file.getvalue()
    first_frame = io.BytesIO()
    images[0].resize((160, 128)).save(first_frame, "PNG")
    style = await store.put(photograph("astronaut.png"), ".png")
    clip = ClipInput(
        picture=await store.put(data, ".clip"), frames=len(images), seconds=sum(times) / 1000
    )
    inputs = PaintInputs(
        content=await store.put(first_frame.getvalue(), ".png"),
        styles=(StyleInput(picture=style),),
        clip=clip,
    )
    paint_options = {"size_px": 80, "network": "lite", "moving": True} | options
    return await job_factory.make_with(inputs, user_id=1, **paint_options)


async def painted_clip(queue: JobQueue, job: Job) -> Clip:
    assert job.report is not None
    assert job.report.clip is not None
    return read_clip(await queue.store.get(job.report.clip.key))


async def test_clip_job_becomes_a_moving_painting(
    queue: JobQueue, settings: Settings, job_factory: JobFactory
) -> None:
    job = await make_clip_job(job_factory, panning_frames(4))
    done, report = await paint_to_end(queue, settings, job)
    painted = report.clip
    assert painted is not None
    assert (painted.frames, painted.seconds, painted.plays, painted.has_alpha) == (
        4,
        0.48,
        0,
        False,
    )
    clip = await painted_clip(queue, done)
    assert clip.durations_ms == TIMES_MS
    assert clip.size == (80, 64)
    assert done.result_key is not None
    poster_image = Image.open(io.BytesIO(await queue.store.get(done.result_key)))
    assert (np.asarray(poster_image) == np.asarray(clip.frame(0))).all()
    assert sorted(painted.files) == ["gif", "mp4", "webp"]
    for key in painted.files.values():
        found = decode(
            await queue.store.get(key), DecodeLimits(), ClipLimits(max_frames_per_second=100)
        ).clip
        assert found is not None
        assert read_clip(found.file).durations_ms == TIMES_MS


async def test_transparency_of_a_clip_is_kept_and_reported(
    queue: JobQueue, settings: Settings, job_factory: JobFactory
) -> None:
    images = panning_frames(2)
    for image in images:
        image.putalpha(Image.new("L", image.size, 255))
        image.paste((0, 0, 0, 0), (0, 0, image.width, 30))
    job = await make_clip_job(job_factory, images, size_px=64, iterations=2, scales=1)
    done, report = await paint_to_end(queue, settings, job)
    assert report.clip is not None
    assert report.clip.has_alpha
    alpha = np.asarray((await painted_clip(queue, done)).frame(1).getchannel("A"))
    assert (alpha[:10].max(), alpha[-1].min()) == (0, 255)


async def test_clip_progress_counts_frames_and_shows_a_moving_preview(
    queue: JobQueue,
    settings: Settings,
    job_factory: JobFactory,
    slow_painting: SlowPainting,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow_painting.step_seconds = 0.02
    monkeypatch.setattr(clip_painting, "MOVING_PREVIEW_SECONDS", 0.0)
    job = await make_clip_job(job_factory, panning_frames(4), iterations=2, scales=1)
    seen = []
    async with running_worker(queue, settings), asyncio.timeout(120):
        while True:
            current = await queue.jobs.get(job.id)
            assert current is not None
            if current.state.ended:
                break
            if current.progress is not None and current.progress.frames:
                seen.append(current.progress)
            await asyncio.sleep(0.02)
    assert {progress.frames for progress in seen} == {4}
    assert [progress.frame for progress in seen] == sorted(progress.frame or 0 for progress in seen)
    assert [progress.fraction for progress in seen] == sorted(
        progress.fraction for progress in seen
    )
    previews = [progress.preview_key for progress in seen if progress.preview_key is not None]
    assert any(key.endswith(".gif") for key in previews)


@pytest.mark.usefixtures("slow_painting")
async def test_clip_job_is_cancelled_within_its_first_frame(
    queue: JobQueue, settings: Settings, job_factory: JobFactory
) -> None:
    job = await make_clip_job(job_factory, panning_frames(4), iterations=2000)
    async with running_worker(queue, settings):
        while (current := await queue.jobs.get(job.id)) is None or current.progress is None:
            await asyncio.sleep(0.02)
        await queue.jobs.cancel(job.id, job.user_id)
        done = await wait_ended(queue, job)
    assert done.state is JobState.CANCELLED
    assert done.progress is not None
    assert (done.progress.frame, done.progress.frames) == (0, 4)  # each frame would take minutes


async def wait_second_frame(queue: JobQueue, job: Job) -> None:
    while (await wait_painting(queue, job)).progress.frame < 2:  # type: ignore[union-attr, operator]
        await asyncio.sleep(0.02)


async def test_another_engine_resumes_a_clip_to_the_same_frames(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, slow_painting: SlowPainting
) -> None:
    slow_painting.step_seconds = 0.0
    images = panning_frames(3)
    uninterrupted = await make_clip_job(job_factory, images)
    uninterrupted = await run_to_end(queue, settings, uninterrupted)
    slow_painting.step_seconds = 0.1
    job = await make_clip_job(job_factory, images)
    async with running_worker(queue, settings):
        await wait_second_frame(queue, job)
    assert await state_of(queue, job) is JobState.QUEUED
    slow_painting.step_seconds = 0.0
    done, report = await paint_to_end(queue, settings, job)
    whole_clip, resumed = await painted_clip(queue, uninterrupted), await painted_clip(queue, done)
    for first, second in zip(whole_clip.frames(), resumed.frames(), strict=True):
        assert first.tobytes() == second.tobytes()
    assert uninterrupted.report is not None
    assert report.iterations == uninterrupted.report.iterations


class CountingStore(PictureStore):
    """Records the size of each file that is stored."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.sizes: dict[str, list[int]] = {}

    async def put(self, data: bytes, suffix: str) -> str:
        self.sizes.setdefault(suffix, []).append(len(data))
        return await super().put(data, suffix)


async def test_each_frame_of_a_long_clip_is_stored_once_with_a_short_checkpoint(
    queue: JobQueue, settings: Settings, job_factory: JobFactory
) -> None:
    count = 60
    images = [image.resize((64, 64)) for image in panning_frames(2) for _ in range(count // 2)]
    queue.store = store = CountingStore(settings.storage_url)
    job = await make_clip_job(job_factory, images, size_px=64, iterations=2, scales=1)
    store.sizes.clear()
    done, _ = await paint_to_end(queue, settings, job)
    assert len(await painted_clip(queue, done)) == count
    *frames, _result = store.sizes[".png"]
    assert len(frames) <= count
    assert max(frames) < 64 * 64 * 3 + 1000
    assert max(store.sizes[".ckpt"]) - min(store.sizes[".ckpt"]) < 64  # its numbers get more digits
    assert scratch_folders() == []


async def test_checkpoint_with_a_missing_frame_starts_over_with_a_note(
    queue: JobQueue, settings: Settings, job_factory: JobFactory, slow_painting: SlowPainting
) -> None:
    job = await make_clip_job(job_factory, panning_frames(3))
    async with running_worker(queue, settings):
        await wait_second_frame(queue, job)
    claim = await queue.claims.claim("another", lease_seconds=30)
    assert claim is not None
    assert claim.checkpoint_key is not None
    assert len(claim.frames) >= 2
    assert len(await queue.store.get(claim.checkpoint_key)) < 20_000
    await queue.store.delete(claim.frames[1])
    await queue.claims.release(claim)
    slow_painting.step_seconds = 0.0
    done, report = await paint_to_end(queue, settings, job)
    assert (done.attempts, len(await painted_clip(queue, done))) == (1, 3)
    assert CHECKPOINT_GONE in report.notes


async def test_clip_taken_over_with_other_weights_starts_over_with_a_note(
    queue: JobQueue,
    settings: Settings,
    job_factory: JobFactory,
    monkeypatch: pytest.MonkeyPatch,
    slow_painting: SlowPainting,
) -> None:
    job = await make_clip_job(job_factory, panning_frames(3))
    async with running_worker(queue, settings):
        await wait_second_frame(queue, job)
    slow_painting.step_seconds = 0.0
    change_lite_weights(monkeypatch)
    done, report = await paint_to_end(queue, settings, job)
    assert len(await painted_clip(queue, done)) == 3
    assert OTHER_WEIGHTS in report.notes


def scratch_folders() -> list[Path]:
    """Temporary folders of this process."""
    return list(Path(tempfile.gettempdir()).glob(f"{SCRATCH}{os.getpid()}-*"))


async def test_a_damaged_clip_fails_the_job_with_a_sentence(
    queue: JobQueue, settings: Settings, job_factory: JobFactory
) -> None:
    job = await make_clip_job(job_factory, panning_frames(2), damaged=True)
    done = await run_to_end(queue, settings, job)
    assert done.state is JobState.FAILED
    assert done.failure is not None
    assert "cannot be read; please start it again" in str(done.failure.message)
