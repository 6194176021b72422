"""Progress and previews that members see while a picture is painted."""

import io
import threading
from concurrent.futures import wait
from pathlib import Path

import pytest
from PIL import Image

from common.store import PictureStore
from engine.moving.events import FrameStepped
from engine.moving.painted_frames import PaintedFrames
from engine.painting.events import Losses, Prepared, Stepped
from engine.pipeline.timelapse import TimeLapseRecorder
from engine.worker import clip_painting, previews, progress_reporter
from engine.worker.clip_painting import ClipReporter
from engine.worker.job_handle import JobHandle
from engine.worker.progress_reporter import ProgressReporter, VersionsSoFar
from jobs.model import Progress


class RecordingHandle(JobHandle):
    """Records all progress that would be reported to the queue."""

    def __init__(self) -> None:
        super().__init__()
        self.reported: list[Progress] = []

    def put_progress(self, progress: Progress) -> None:
        self.reported.append(progress)


def step_event(iteration: int) -> Stepped:
    scale = int(iteration > 60)
    size = (96, 128) if scale == 0 else (384, 512)

    def preview(max_side_px: int) -> Image.Image:
        image = Image.new("RGB", (size[1], size[0]), "teal")
        image.thumbnail((max_side_px, max_side_px))
        return image

    return Stepped(
        iteration=iteration,
        total=80,
        scale=scale,
        fraction=iteration / 80,
        seconds_left=1.0,
        losses=lambda: Losses(scale, iteration, 1.0, {}),
        preview=preview,
        checkpoint=bytes,
        brief_checkpoint=bytes,
    )


def test_previews_begin_once_the_picture_looks_painted_and_keep_one_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_reporter, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(progress_reporter, "PREVIEW_SECONDS", 0.0)
    store, handle = PictureStore(str(tmp_path)), RecordingHandle()
    reporter = ProgressReporter(store, handle)
    reporter.on_event(Prepared(80, (((96, 128), 60), ((384, 512), 20)), "lite", (384, 512)))
    for iteration in (1, 14, 15, 61):
        reporter.on_event(step_event(iteration))
    keys = [progress.preview_key for progress in handle.reported[1:]]
    assert keys[:2] == [None, None]
    for key in keys[2:]:
        assert key is not None
        with Image.open(io.BytesIO(store.get_sync(key))) as shown:
            assert shown.size == (512, 384)


def test_clip_previews_have_one_size_from_the_first_iteration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A growing picture would move all messages below it."""
    monkeypatch.setattr(clip_painting, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(clip_painting, "PREVIEW_SECONDS", 0.0)
    store, handle = PictureStore(str(tmp_path)), RecordingHandle()
    reporter = ClipReporter(store, handle, 5, PaintedFrames(tmp_path / "frames"))
    reporter.on_event(Prepared(80, (((96, 128), 60), ((384, 512), 20)), "lite", (384, 512)))
    for iteration in (1, 61):
        reporter.on_event(FrameStepped(1, 5, 0.1, None, step_event(iteration).preview))
    assert len(handle.reported) == 2
    for reported in handle.reported:
        assert reported.preview_key is not None
        with Image.open(io.BytesIO(store.get_sync(reported.preview_key))) as shown:
            assert shown.size == (320, 240)


def test_first_preview_is_not_delayed_by_the_progress_interval(tmp_path: Path) -> None:
    store, handle = PictureStore(str(tmp_path)), RecordingHandle()
    reporter = ProgressReporter(store, handle)
    reporter.on_event(Prepared(80, (((96, 128), 60), ((384, 512), 20)), "lite", (384, 512)))
    for iteration in range(1, 21):  # without waiting
        reporter.on_event(step_event(iteration))
    reported = [
        (progress.iteration, progress.preview_key is not None) for progress in handle.reported[1:]
    ]
    assert reported == [(1, False), (15, True)]


def test_time_left_between_two_versions_is_that_of_the_versions_to_come() -> None:
    """It is also what is left while the next one has no iteration yet."""
    versions = VersionsSoFar(4)
    assert versions.progress().seconds_left is None
    assert versions.seconds_left(0.5, 4.0) == pytest.approx(4.0 + 3 * 8.0)
    versions.add("first.png", Image.new("RGB", (4, 4)))
    assert versions.progress().seconds_left is None  # another engine has painted it
    versions.seconds_each = 10.0
    assert versions.progress().seconds_left == pytest.approx(30.0)
    assert versions.seconds_left(0.5, 4.0) == pytest.approx(24.0)


def test_time_left_includes_the_frames_of_a_time_lapse(tmp_path: Path) -> None:
    handle = RecordingHandle()
    with TimeLapseRecorder(
        tmp_path / "film.gif", frames=9, long_side_px=64, share=lambda one: one.fraction
    ) as recorder:
        reporter = ProgressReporter(PictureStore(str(tmp_path)), handle, recorder=recorder)
        prepared = Prepared(80, (((96, 128), 60), ((384, 512), 20)), "lite", (384, 512))
        for event in (prepared, step_event(1), step_event(20), step_event(80)):
            reporter.on_event(event)
            recorder.on_event(event)
        first, second = (one.seconds_left for one in handle.reported[1:3])
        assert first == 1.0
        assert second is not None
        assert second > 1.0
        assert recorder.seconds_left() == 0.0


def test_a_slow_store_does_not_hold_up_the_painting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_reporter, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(progress_reporter, "PREVIEW_SECONDS", 0.0)
    monkeypatch.setattr(previews, "SOON_SECONDS", 0.01)
    store, handle = PictureStore(str(tmp_path)), RecordingHandle()
    releases, put = threading.Semaphore(0), store.put_sync
    stored: list[bytes] = []

    def put_after_release(data: bytes, suffix: str) -> str:
        stored.append(data)
        assert releases.acquire(timeout=30)
        return put(data, suffix)

    monkeypatch.setattr(store, "put_sync", put_after_release)
    reporter = ProgressReporter(store, handle)
    reporter.on_event(Prepared(80, (((96, 128), 60), ((384, 512), 20)), "lite", (384, 512)))
    for iteration in range(20, 30):
        reporter.on_event(step_event(iteration))  # would block forever
    assert len(handle.reported) == 11
    assert len(stored) == 1, "a second preview was stored at the same time"
    releases.release()
    wait([reporter._previews._storing] if reporter._previews._storing else [])
    reporter.on_event(step_event(30))
    assert handle.reported[-1].preview_key is not None
    releases.release(2)
