"""The abilities that an engine announces: networks, memory, largest size and pace."""

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
    abilities = abilities_of(Studio(), None)
    assert abilities.networks == ("vgg19", "lite")
    assert abilities.memory_bytes is not None
    assert abilities.memory_bytes > 2**28
    assert abilities.pace == 120.0
    assert abilities_of(Studio(), 7.0).pace == 7.0


def test_abilities_report_the_weights_that_are_loaded() -> None:
    studio = Studio()
    assert abilities_of(studio, None).weights == ()
    encoder = studio.encoder("lite", "max")
    studio.encoder("lite", "average")
    assert abilities_of(studio, None).weights == (f"lite:{encoder.weights_hash[:8]}",)


def test_missing_weights_file_leaves_only_the_lite_network(tmp_path: Path) -> None:
    assert available_networks(NetworkSource(tmp_path / "none.pth")) == ("lite",)


@pytest.mark.parametrize(
    ("memory", "side"), [(2**20, MIN_SIZE_PX), (2**30, 3520), (64 * 2**30, MAX_SIZE_PX)]
)
def test_the_largest_size_follows_from_the_memory(memory: int, side: int) -> None:
    assert largest_side_px(memory) == side


@pytest.fixture
def _fail_on_face_detection(monkeypatch: pytest.MonkeyPatch) -> None:
    """The benchmark skips face detection, which takes as long as the benchmark itself."""

    def find_faces(_: object) -> None:
        pytest.fail("faces were searched")

    monkeypatch.setattr("engine.painting.inputs.find_faces", find_faces)


@pytest.mark.usefixtures("_fail_on_face_detection")
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
    """A failed GPU must not keep the engine from reporting and returning its job."""
    painter = JobPainter(settings)
    before = painter.abilities()

    def raise_cuda_error(_device: torch.device) -> int:
        raise RuntimeError("CUDA error: out of memory\nCompile with")

    for name in ("used_memory_bytes", "free_memory_bytes", "total_memory_bytes"):
        monkeypatch.setattr(devices, name, raise_cuda_error)
    assert painter.abilities() == before
    assert painter.memory_used_bytes() is None
    with pytest.raises(EngineInTroubleError, match=r"^cpu does not answer: .* out of memory$"):
        JobPainter(settings).abilities()


def test_cached_card_memory_is_released_once_after_each_job(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    released: list[torch.device] = []
    monkeypatch.setattr(devices, "release_memory", released.append)
    monkeypatch.setattr("engine.worker.pace.measure_pace", lambda *_: Trial(1.0, True))
    monkeypatch.setattr(JobPainter, "_paint", lambda *_: None)
    painter = JobPainter(settings)
    releases = []
    for _ in range(2):
        painter.paint(*[None] * 4)  # type: ignore[arg-type]  # (arguments are only passed on)
        releases.append(len(released))
        for _ in range(2):
            painter.idle(lambda: True)
    assert releases == [0, 1]
    assert len(released) == 2


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
            while (abilities := await _engine_state(queue)) is None or abilities.info.pace == 120.0:
                await asyncio.sleep(0.05)
    finally:
        stop.set()
        await asyncio.wait_for(task, 60)
    assert "lite" in abilities.info.networks
    assert abilities.info.network == "lite"
    assert abilities.info.memory_bytes is not None
    assert abilities.info.memory_used_bytes is not None
    assert 0 < abilities.info.memory_used_bytes < abilities.info.memory_bytes


async def _engine_state(queue: JobQueue) -> EngineState | None:
    engines = (await queue.health.ask(ask_store=False)).engines
    return engines[0] if engines else None
