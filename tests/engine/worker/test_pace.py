"""The measured pace of an engine, which its next start takes over."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest
import torch

from common.options import PaintOptions
from common.settings import Settings
from engine.networks.registry import NetworkSource
from engine.painting import Event, PaintingFailedError, PaintingStoppedError, Studio
from engine.worker import pace
from engine.worker.pace import MeasuredPace, Trial
from engine.worker.painter import JobPainter


def never() -> bool:
    return False


class Trials:
    """Stands in for the measuring, and counts it."""

    def __init__(self) -> None:
        self.count = 0
        self.error: Exception | None = None
        self.is_undisturbed = True

    def __call__(self, *_: object) -> Trial:
        self.count += 1
        if self.error is not None:
            raise self.error
        return Trial(40.0 + self.count, self.is_undisturbed)


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> Trials:
    counted = Trials()
    monkeypatch.setattr(pace, "measure_pace", counted)
    return counted


def measured(folder: Path, *, network: str = "lite", **studio: object) -> float | None:
    """The pace after an engine was idle."""
    its = MeasuredPace(Studio(**studio), network, folder)  # type: ignore[arg-type]
    its.measure(never)
    return its.seconds


def test_restarted_engine_announces_its_measured_pace_without_a_trial(
    settings: Settings, trials: Trials
) -> None:
    first = JobPainter(settings)
    assert first.abilities().pace == 120.0
    first.idle(never)
    assert first.abilities().pace == 41.0
    second = JobPainter(settings)
    assert second.abilities().pace == 41.0
    second.idle(never)
    assert trials.count == 1


@pytest.mark.parametrize("changed", ["version", "torch", "threads", "model", "instructions"])
def test_pace_is_measured_again_after_a_change_of_the_machine_or_program(
    changed: str, tmp_path: Path, trials: Trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert measured(tmp_path) == measured(tmp_path) == 41.0
    match changed:
        case "version":
            monkeypatch.setattr(pace, "VERSION", "9.9.9")
        case "torch":
            monkeypatch.setattr(torch, "__version__", "9.9.9")
        case "threads":
            monkeypatch.setattr(torch, "get_num_threads", lambda: 99)
        case "model":
            monkeypatch.setattr(pace, "device_model", lambda _: "another processor")
        case "instructions":
            monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "NEON")
    assert measured(tmp_path) == measured(tmp_path) == 42.0
    assert trials.count == 2


@pytest.mark.usefixtures("trials")
def test_pace_is_measured_for_each_network_and_precision(tmp_path: Path) -> None:
    assert measured(tmp_path, precision="fp32") == 41.0
    assert measured(tmp_path, precision="fp32", network="vgg19") == 42.0
    assert measured(tmp_path, precision="fp32") == 41.0
    assert measured(tmp_path, precision="bf16") == 43.0


@pytest.mark.usefixtures("trials")
def test_pace_is_measured_again_with_other_weights_of_its_network(tmp_path: Path) -> None:
    weights = tmp_path / "own.safetensors"
    weights.write_bytes(b"weights")
    source = NetworkSource(weights)
    for expected in (41.0, 41.0):
        assert measured(tmp_path, network="vgg19", source=source) == expected
    weights.write_bytes(b"another's")
    assert measured(tmp_path, network="vgg19", source=source) == 42.0
    os.utime(weights, (0, 0))
    assert measured(tmp_path, network="vgg19", source=source) == 43.0


@pytest.mark.parametrize("value", ["nan", "inf", "-3.5", "0", "1e9", "fast", "", None, [1.0]])
@pytest.mark.usefixtures("trials")
def test_unusable_saved_pace_is_ignored(value: object, tmp_path: Path) -> None:
    measured(tmp_path)
    (file,) = tmp_path.iterdir()
    saved = json.loads(file.read_text())
    file.write_text(json.dumps({**saved, "seconds_per_work": value}))
    assert measured(tmp_path) == 42.0
    assert measured(tmp_path) == 42.0


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00", '{"seconds_per_work": "3"}'])
@pytest.mark.usefixtures("trials")
def test_damaged_file_of_a_pace_is_replaced(text: str, tmp_path: Path) -> None:
    measured(tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_text(text)
    assert measured(tmp_path) == 42.0
    assert measured(tmp_path) == 42.0


def test_pace_of_a_disturbed_trial_is_announced_and_not_saved(
    tmp_path: Path, trials: Trials
) -> None:
    trials.is_undisturbed = False
    assert measured(tmp_path) == 41.0
    assert list(tmp_path.iterdir()) == []
    trials.is_undisturbed = True
    assert measured(tmp_path) == measured(tmp_path) == 42.0


def test_trial_is_disturbed_if_its_thread_had_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pace.TRIAL_SIDE_PX, "cpu", 64)
    for share, is_undisturbed in ((0.9, True), (0.5, False)):
        monkeypatch.setattr(time, "thread_time", lambda part=share: part * time.perf_counter())
        trial = pace.measure_pace(Studio(), "lite", never)
        assert trial is not None
        assert trial.is_undisturbed == is_undisturbed


@pytest.mark.parametrize(("count", "side_px"), [(1, 256), (4, 256), (16, 512)])
def test_trial_of_many_threads_is_of_a_picture_that_more_of_them_paint(
    count: int, side_px: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def painted(
        _content: object, _styles: object, options: PaintOptions, **_more: object
    ) -> list[Event]:
        sizes.append(options.size_px)
        return []

    monkeypatch.setattr(pace, "paint", painted)
    assert pace.measure_pace(Studio(threads=count), "lite", never) is None
    assert sizes == [side_px]


@pytest.mark.usefixtures("trials")
def test_pace_that_cannot_be_saved_holds_until_the_end(tmp_path: Path) -> None:
    folder = tmp_path / "pace"
    folder.write_text("no folder")
    assert measured(folder) == 41.0
    assert measured(folder) == 42.0
    folder.unlink()
    assert measured(folder) == measured(folder) == 43.0
    shutil.rmtree(folder)


def test_interrupted_trial_is_repeated_and_a_failed_one_is_not(
    tmp_path: Path, trials: Trials
) -> None:
    its = MeasuredPace(Studio(), "lite", tmp_path)
    trials.error = PaintingStoppedError("A job has come.")
    for _ in range(2):
        with pytest.raises(PaintingStoppedError):
            its.measure(never)
    trials.error = PaintingFailedError("The numbers are no numbers.")
    with pytest.raises(PaintingFailedError):
        its.measure(never)
    its.measure(never)
    assert trials.count == 3
    assert its.seconds is None
    assert list(tmp_path.iterdir()) == []
