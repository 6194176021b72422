"""What members see while a picture is painted: first something that looks painted, in one size."""

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
from engine.worker import clip_painting, previews, progress_reporter
from engine.worker.clip_painting import ClipReporter
from engine.worker.job_handle import JobHandle
from engine.worker.progress_reporter import ProgressReporter
from jobs.model import Progress


class Handle(JobHandle):
    """Keeps all that the queue would be told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Progress] = []

    def put_progress(self, progress: Progress) -> None:
        self.told.append(progress)


def stepped(iteration: int) -> Stepped:
    scale = int(iteration > 60)
    size = (96, 128) if scale == 0 else (384, 512)

    def preview(most_px: int) -> Image.Image:
        image = Image.new("RGB", (size[1], size[0]), "teal")
        image.thumbnail((most_px, most_px))
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
    store, handle = PictureStore(str(tmp_path)), Handle()
    reporter = ProgressReporter(store, handle)
    reporter.on_event(Prepared(80, (((96, 128), 60), ((384, 512), 20)), "lite", (384, 512)))
    for iteration in (1, 14, 15, 61):
        reporter.on_event(stepped(iteration))
    keys = [one.preview_key for one in handle.told[1:]]
    assert keys[:2] == [None, None]
    for key in keys[2:]:
        assert key is not None
        with Image.open(io.BytesIO(store.get_sync(key))) as shown:
            assert shown.size == (512, 384)


def test_clip_previews_have_one_size_from_the_first_iteration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that grows with its picture moves all that stands below it."""
    monkeypatch.setattr(clip_painting, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(clip_painting, "PREVIEW_SECONDS", 0.0)
    store, handle = PictureStore(str(tmp_path)), Handle()
    reporter = ClipReporter(store, handle, 5, PaintedFrames(tmp_path / "frames"))
    reporter.on_event(Prepared(80, (((96, 128), 60), ((384, 512), 20)), "lite", (384, 512)))
    for iteration in (1, 61):
        reporter.on_event(FrameStepped(1, 5, 0.1, None, stepped(iteration).preview))
    for told in handle.told:
        assert told.preview_key is not None
        with Image.open(io.BytesIO(store.get_sync(told.preview_key))) as shown:
            assert shown.size == (320, 240)


def test_first_preview_is_not_delayed_by_the_progress_interval(tmp_path: Path) -> None:
    store, handle = PictureStore(str(tmp_path)), Handle()
    reporter = ProgressReporter(store, handle)
    reporter.on_event(Prepared(80, (((96, 128), 60), ((384, 512), 20)), "lite", (384, 512)))
    for iteration in range(1, 21):  # at once
        reporter.on_event(stepped(iteration))
    told = [(one.iteration, one.preview_key is not None) for one in handle.told[1:]]
    assert told == [(1, False), (15, True)]


def test_a_slow_store_does_not_hold_up_the_painting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_reporter, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(progress_reporter, "PREVIEW_SECONDS", 0.0)
    monkeypatch.setattr(previews, "SOON_SECONDS", 0.01)
    store, handle = PictureStore(str(tmp_path)), Handle()
    answers, put = threading.Semaphore(0), store.put_sync
    asked: list[bytes] = []

    def slowly(data: bytes, suffix: str) -> str:
        asked.append(data)
        assert answers.acquire(timeout=30)
        return put(data, suffix)

    monkeypatch.setattr(store, "put_sync", slowly)
    reporter = ProgressReporter(store, handle)
    reporter.on_event(Prepared(80, (((96, 128), 60), ((384, 512), 20)), "lite", (384, 512)))
    for iteration in range(20, 30):
        reporter.on_event(stepped(iteration))  # would wait for ever
    assert len(handle.told) == 11
    assert len(asked) == 1, "one is on its way"
    answers.release()
    wait([reporter._previews._storing] if reporter._previews._storing else [])
    reporter.on_event(stepped(30))
    assert handle.told[-1].preview_key is not None
    answers.release(2)
