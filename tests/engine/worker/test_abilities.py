"""What an engine says of itself."""

import asyncio
from pathlib import Path

import pytest
import torch

from common.options import MAX_SIZE_PX, MIN_SIZE_PX
from common.settings import Settings
from engine.networks.registry import NetworkSource, available_networks
from engine.painting import PaintingStoppedError, Studio, devices
from engine.painting.memory import largest_side_px
from engine.worker.abilities import abilities_of
from engine.worker.health import EngineInTroubleError
from engine.worker.pace import Trial, measure_pace
from engine.worker.painter import JobPainter
from engine.worker.service import EngineWorker
from jobs.health.state import EngineState
from jobs.model import EngineInfo
from jobs.queue import JobQueue


def test_abilities_report_networks_memory_and_pace() -> None:
    found = abilities_of(Studio(), None)
    assert found.networks == ("vgg19", "lite")
    assert found.memory_bytes is not None
    assert found.memory_bytes > 2**28
    assert found.pace == 120.0
    assert abilities_of(Studio(), 7.0).pace == 7.0


def test_missing_weights_file_leaves_only_the_lite_network(tmp_path: Path) -> None:
    assert available_networks(NetworkSource(tmp_path / "none.pth")) == ("lite",)


@pytest.mark.parametrize(
    ("memory", "side"), [(2**20, MIN_SIZE_PX), (2**30, 3520), (64 * 2**30, MAX_SIZE_PX)]
)
def test_the_largest_size_follows_from_the_memory(memory: int, side: int) -> None:
    assert largest_side_px(memory) == side


@pytest.fixture
def _no_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    """In noise and gray none are looked for, which takes as long as the trial itself."""

    def find_faces(_: object) -> None:
        pytest.fail("faces are looked for")

    monkeypatch.setattr("engine.painting.inputs.find_faces", find_faces)


@pytest.mark.usefixtures("_no_faces")
def test_trial_measures_a_pace_and_can_be_stopped(settings: Settings) -> None:
    assert JobPainter(settings).probe() is None
    studio = Studio()
    trial = measure_pace(studio, "lite", lambda: False)
    assert trial is not None
    assert 0.01 < trial.seconds < 10_000
    with pytest.raises(PaintingStoppedError):
        measure_pace(studio, "lite", lambda: True)


def test_failed_card_reports_its_last_known_abilities(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers nothing until its process ends, which is to tell of it and give its job back."""
    painter = JobPainter(settings)
    before = painter.abilities()

    def fails(_device: torch.device) -> int:
        raise RuntimeError("CUDA error: out of memory\nCompile with")

    for name in ("used_memory_bytes", "free_memory_bytes", "total_memory_bytes"):
        monkeypatch.setattr(devices, name, fails)
    assert painter.abilities() == before
    assert painter.memory_used_bytes() is None
    with pytest.raises(EngineInTroubleError, match=r"^cpu does not answer: .* out of memory$"):
        JobPainter(settings).abilities()


def test_cached_card_memory_is_released_once_after_each_job(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_back: list[torch.device] = []
    monkeypatch.setattr(devices, "release_memory", given_back.append)
    monkeypatch.setattr("engine.worker.pace.measure_pace", lambda *_: Trial(1.0, True))
    monkeypatch.setattr(JobPainter, "_paint", lambda *_: None)
    painter = JobPainter(settings)
    counts = []
    for _ in range(2):
        painter.paint(*[None] * 4)  # type: ignore[arg-type]  # (they are passed on)
        counts.append(len(given_back))
        for _ in range(2):
            painter.idle(lambda: True)
    assert counts == [0, 1]
    assert len(given_back) == 2


async def test_idle_engine_announces_its_measured_abilities(
    queue: JobQueue, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.worker.service.HEARTBEAT_SECONDS", 0.1)
    painter = JobPainter(settings)
    info = EngineInfo("test", "here", "cpu", "", "1", 1)
    stop = asyncio.Event()
    task = asyncio.create_task(EngineWorker(queue, painter, info).run(stop))
    try:
        async with asyncio.timeout(60):
            while (found := await _engine(queue)) is None or found.info.pace == 120.0:
                await asyncio.sleep(0.05)
    finally:
        stop.set()
        await asyncio.wait_for(task, 60)
    assert "lite" in found.info.networks
    assert found.info.network == "lite"
    assert found.info.memory_bytes is not None
    assert found.info.memory_used_bytes is not None
    assert 0 < found.info.memory_used_bytes < found.info.memory_bytes


async def _engine(queue: JobQueue) -> EngineState | None:
    engines = (await queue.health.ask(ask_store=False)).engines
    return engines[0] if engines else None
