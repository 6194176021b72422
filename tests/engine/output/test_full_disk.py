"""A painting is finished even if its time-lapse or checkpoint cannot be written."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from engine.painting import paint
from engine.pipeline.listeners import run_with_listeners
from engine.pipeline.recording import CheckpointFile
from engine.pipeline.timelapse import TimeLapseRecorder
from engine.progress import ProgressBar
from tests.kit.thin_vgg19 import QUICK_OPTIONS, STYLE, noise_picture, thin_studio

resource = pytest.importorskip("resource", reason="Windows has no file size limit")


@pytest.fixture(autouse=True)
def _full_disk() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def recorded(file: Path) -> TimeLapseRecorder:
    return TimeLapseRecorder(file, frames=9, long_side_px=64, share=lambda one: one.fraction)


def test_full_disk_loses_a_long_film_but_not_the_process(
    tmp_path: Path,
) -> None:
    frame = Image.effect_noise((64, 48), 50).convert("RGB")
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    with recorded(tmp_path / "timelapse.mp4") as timelapse:
        timelapse.begin((64, 48))
        for _ in range(100):  # the encoder buffers about 40 frames
            timelapse.add(frame)
    assert "large" in str(timelapse.note)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["timelapse.gif", "timelapse.mp4"])
def test_full_disk_paints_without_film_and_checkpoint(name: str, tmp_path: Path) -> None:
    events = paint(noise_picture(48, 64), [STYLE], QUICK_OPTIONS, studio=thin_studio())
    checkpoints = CheckpointFile(tmp_path / "run.ckpt", 0)
    bar = ProgressBar(Console(stderr=True), quiet=True)
    with bar, recorded(tmp_path / name) as timelapse:
        painted = run_with_listeners(events, bar, timelapse, checkpoints)
    assert painted.picture.size == (48, 64)
    assert "large" in str(timelapse.note)
    assert "No checkpoint" in str(checkpoints.note)
    assert not any(tmp_path.iterdir())
