"""A queue on disk, and jobs in it; the small network paints them unless told otherwise."""

import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from common.options import PaintInputs, PaintOptions, StyleInput
from common.settings import Settings
from common.settings_loading import load_settings
from engine.lite import encoder
from engine.lite.network import load_weights
from engine.worker.job_handle import JobHandle
from engine.worker.pace import TRIAL_SIDE_PX
from jobs.model import Job
from jobs.queue import JobQueue
from tests.kit.pictures import photograph
from tests.kit.samples import submit_job


@pytest.fixture
def settings(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of an engine whose database is already migrated, and whose trials are short."""
    monkeypatch.setitem(TRIAL_SIDE_PX, "cpu", 64)
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy(sqlite_template, data)
    return load_settings(
        _env_file=None,
        atelier_data_dir=data,
        atelier_device="cpu",
        atelier_network="lite",  # by which the engine tries its device, too
    )


@pytest.fixture
async def queue(settings: Settings) -> AsyncIterator[JobQueue]:
    async with await JobQueue.open(settings) as opened:
        yield opened


class SlowPainting:
    """A slow machine, which sleeps instead of computing: there is time to disturb a painting."""

    step_seconds = 0.1
    """What each step takes longer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        should_stop = JobHandle.should_stop

        def sleepy(handle: JobHandle) -> bool:
            time.sleep(self.step_seconds)
            return should_stop(handle)

        monkeypatch.setattr(JobHandle, "should_stop", sleepy)


@pytest.fixture
def slow_painting(monkeypatch: pytest.MonkeyPatch) -> SlowPainting:
    return SlowPainting(monkeypatch)


def train_lite_differently(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the lite network of engines that start from now on other weights."""
    learnt = {name: tensor * 1.01 for name, tensor in load_weights().items()}
    monkeypatch.setattr(encoder, "load_weights", lambda: learnt)


class Poster:
    """Posts jobs as the bot would."""

    def __init__(self, queue: JobQueue) -> None:
        self.queue = queue

    async def post(self, *, user_id: int = 1, **options: object) -> Job:
        """Queue a painting of a coffee cup in the style of an astronaut's portrait."""
        content = await self.queue.store.put(photograph("coffee.png"), ".png")
        style = await self.queue.store.put(photograph("astronaut.png"), ".png")
        inputs = PaintInputs(content=content, styles=(StyleInput(picture=style),))
        return await self.submit(inputs, user_id=user_id, **options)

    async def submit(self, inputs: PaintInputs, *, user_id: int = 1, **options: object) -> Job:
        small: dict[str, object] = {"size_px": 96, "iterations": 3, "network": "lite"}
        small["faces"] = "off"  # looking for them takes longer than painting
        chosen = PaintOptions.model_validate(small | options)
        return await submit_job(self.queue, user_id, None, inputs=inputs, options=chosen)


@pytest.fixture
def poster(queue: JobQueue) -> Poster:
    return Poster(queue)
