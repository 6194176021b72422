"""Idle work: the engine paints missing swatches between jobs, and stops for jobs."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.catalogue import Painting, load_catalogue
from common.catalogue.catalogue import painted_swatch_path, scan_path, swatch_at_hand
from common.options import PaintOptions
from common.settings import Settings
from engine.painting import Picture
from engine.styles import swatches
from engine.styles.presets import read_scan
from engine.styles.swatches import MissingSwatches
from engine.worker.painting_thread import IdleWork
from jobs.model import JobState
from jobs.queue import JobQueue
from tests.engine.worker.conftest import JobFactory
from tests.engine.worker.workers import running_worker, wait_ended
from tests.kit.pictures import photograph


@pytest.fixture
def painting_with_scan(settings: Settings) -> Painting:
    """A painting without a shipped swatch, whose scan has been downloaded."""
    painting = next(each for each in load_catalogue() if each.swatch_path is None)
    scan = scan_path(painting, settings.styles_dir)
    scan.parent.mkdir(parents=True)
    scan.write_bytes(photograph("astronaut.png", side_px=400))
    return painting


async def test_missing_swatch_is_painted_without_blocking_jobs(
    queue: JobQueue,
    settings: Settings,
    job_factory: JobFactory,
    painting_with_scan: Painting,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    starts = threading.Event()

    def record_and_read(painting: Painting, file: Path) -> Picture:
        starts.set()
        return read_scan(painting, file)

    monkeypatch.setattr(swatches, "read_scan", record_and_read)
    monkeypatch.setattr(swatches, "_SIZE_PX", (72, 96))
    monkeypatch.setattr(swatches, "PaintOptions", partial(PaintOptions, iterations=10))
    async with running_worker(queue, settings):
        assert await asyncio.to_thread(starts.wait, 60)
        job = await job_factory.make()
        assert (await wait_ended(queue, job)).state is JobState.DONE
        async with asyncio.timeout(120):
            while (file := swatch_at_hand(painting_with_scan, settings.styles_dir)) is None:
                await asyncio.sleep(0.1)
    with Image.open(file) as image:
        image.load()
        assert (image.format, image.size) == ("JPEG", (96, 72))
        assert np.asarray(image).std() > 10, "the swatch is a single color"


def test_damaged_scan_is_deleted_and_tried_only_once(
    settings: Settings, painting_with_scan: Painting
) -> None:
    scan = scan_path(painting_with_scan, settings.styles_dir)
    scan.write_bytes(b"no picture")
    missing = MissingSwatches(settings.styles_dir)
    missing.paint(lambda: False)
    assert not scan.exists(), "the next job would not download it again"
    scan.write_bytes(b"no picture")
    missing.paint(lambda: False)
    assert scan.exists()


def test_stop_request_leaves_the_swatch_unpainted(
    settings: Settings, painting_with_scan: Painting
) -> None:
    MissingSwatches(settings.styles_dir).paint(lambda: True)
    assert not painted_swatch_path(painting_with_scan, settings.styles_dir).exists()


def test_idle_work_gives_way_to_jobs_and_begins_again() -> None:
    starts: list[str] = []
    running = threading.Event()

    def work(should_stop: Callable[[], bool]) -> None:
        starts.append("work")
        running.set()
        while not should_stop():
            pass

    with ThreadPoolExecutor(max_workers=1) as thread:
        idle = IdleWork(thread, work)
        for count in (1, 2):
            idle.begin()
            assert running.wait(10)
            idle.begin()  # already running: no effect
            idle.end()
            assert thread.submit(lambda: "a job").result(10) == "a job"
            assert len(starts) == count
            running.clear()
