"""A queue on disk, and jobs for it, which the lite network paints by default."""

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
    """Settings with a migrated database and short benchmarks of the device."""
    monkeypatch.setitem(TRIAL_SIDE_PX, "cpu", 64)
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy(sqlite_template, data)
    return load_settings(
        _env_file=None,
        atelier_data_dir=data,
        atelier_device="cpu",
        atelier_network="lite",  # used for the benchmark of the device, too
    )


@pytest.fixture
async def queue(settings: Settings) -> AsyncIterator[JobQueue]:
    async with await JobQueue.open(settings) as opened:
        yield opened


class SlowPainting:
    """Slows painting down by sleeping, so that a test has time to act during it."""

    step_seconds = 0.1
    """Time added to each step."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        should_stop = JobHandle.should_stop

        def sleep_and_check(handle: JobHandle) -> bool:
            time.sleep(self.step_seconds)
            return should_stop(handle)

        monkeypatch.setattr(JobHandle, "should_stop", sleep_and_check)


@pytest.fixture
def slow_painting(monkeypatch: pytest.MonkeyPatch) -> SlowPainting:
    return SlowPainting(monkeypatch)


def change_lite_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give other lite weights to engines that start from now on."""
    changed = {name: tensor * 1.01 for name, tensor in load_weights().items()}
    monkeypatch.setattr(encoder, "load_weights", lambda: changed)


class JobFactory:
    """Submits jobs as the bot does."""

    def __init__(self, queue: JobQueue) -> None:
        self.queue = queue

    async def make(self, *, user_id: int = 1, **options: object) -> Job:
        """Submit a job with two photographs of scikit-image as content and style."""
        content = await self.queue.store.put(photograph("coffee.png"), ".png")
        style = await self.queue.store.put(photograph("astronaut.png"), ".png")
        inputs = PaintInputs(content=content, styles=(StyleInput(picture=style),))
        return await self.make_with(inputs, user_id=user_id, **options)

    async def make_with(self, inputs: PaintInputs, *, user_id: int = 1, **options: object) -> Job:
        """Submit a small job with these inputs."""
        small: dict[str, object] = {"size_px": 96, "iterations": 3, "network": "lite"}
        small["faces"] = "off"  # detecting them takes longer than painting
        paint_options = PaintOptions.model_validate(small | options)
        return await submit_job(self.queue, user_id, None, inputs=inputs, options=paint_options)


@pytest.fixture
def job_factory(queue: JobQueue) -> JobFactory:
    return JobFactory(queue)
