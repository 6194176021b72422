"""Stop requests are checked between all steps of painting a clip."""

import importlib
from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from common.clips.clip import read_clip, write_clip
from common.clips.encoding import CLIP_KINDS, encode_clip
from common.options import PaintOptions
from engine.moving.faces import ClipFaces
from engine.moving.painted_frames import PaintedFrames
from engine.moving.painting import ClipPainting
from engine.painting import Control, Picture, Style
from engine.painting.faces import Face
from engine.pipeline.pictures import Pictures
from tests.engine.moving.frames import panning_frames
from tests.kit.thin_vgg19 import noise_picture, thin_studio

STOP_CHECK = "stop check"
MAX_STEPS = 3
STEPS = {
    "engine.moving.scenes.correspondence": "flow in both directions",
    "engine.moving.loop.correspondence": "flow in both directions",
    "engine.moving.faces.correspondence": "length of a scene",
    "engine.painting.inputs.find_faces": "faces",
    "engine.painting.scale.evaluate": "iteration",
    "common.clips.clip._frame": "reading a frame",
    "common.clips.clip.encoded_png": "writing a frame",
    "engine.moving.painted_frames.encoded_png": "storing a painted frame",
    "common.clips.encoding.gif._indexes": "encoding",
    "common.clips.encoding.h264._even": "encoding",
}


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The steps and stop checks in their order."""
    steps: list[str] = []

    def record_step(step: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        steps.append(step)
        return function(*args, **kwargs)

    for name, step in STEPS.items():
        module, _, attribute = name.rpartition(".")
        function = getattr(importlib.import_module(module), attribute)
        monkeypatch.setattr(name, partial(record_step, step, function))
    return steps


def clip_file(folder: Path, images: Sequence[Image.Image]) -> Path:
    file = folder / "in.clip"
    write_clip(file, images, [80] * len(images))
    return file


def faces_only_in(number: int) -> Callable[[ClipFaces, int], tuple[Face, ...]]:
    """Let only one frame have faces, so that its scene has to be determined."""
    original = ClipFaces.of

    def of(faces: ClipFaces, other: int) -> tuple[Face, ...]:
        found = original(faces, other)
        return found if other == number else ()

    return of


def test_stop_request_is_checked_between_steps(
    tmp_path: Path, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = panning_frames(7, step=3)
    images = [
        *forward,
        *panning_frames(3, seed=9),
        *forward[-2::-1],
    ]  # cuts, a scene that returns, a loop
    monkeypatch.setattr("engine.painting.faces._detected", lambda _: [Face(0.3, 0.3, 0.3, 0.3)])
    monkeypatch.setattr("engine.moving.faces.ClipFaces.of", faces_only_in(12))
    clip = read_clip(clip_file(tmp_path, images))

    def check_stop() -> bool:
        steps.append(STOP_CHECK)
        return False

    control = Control(should_stop=check_stop)
    pictures = Pictures(
        Picture.from_image(clip.frame(0)), (Style(noise_picture(56, 40)),), None, None, "vgg19"
    )
    options = PaintOptions(size_px=64, iterations=2, scales=2)
    frames = PaintedFrames(tmp_path / "frames")
    work = ClipPainting(clip, pictures, options, thin_studio(), frames, control=control)
    steps.clear()
    checkpoints = [event.checkpoint() for event in work.paint() if hasattr(event, "checkpoint")]
    resumed = ClipPainting(
        clip, pictures, options, thin_studio(), PaintedFrames(tmp_path / "again"), control=control
    )
    resumed.resume(checkpoints[-1], frames.file)
    write_clip(tmp_path / "out.clip", work.finished(), [80] * len(images))
    for kind in CLIP_KINDS:
        encode_clip(
            read_clip(tmp_path / "out.clip"), tmp_path / f"out.{kind}", kind, check=control.check
        )
    assert set(steps) == {STOP_CHECK, *STEPS.values()}
    runs = [list(run) for is_check, run in groupby(steps, STOP_CHECK.__eq__) if not is_check]
    longest = max(runs, key=len)
    assert len(longest) <= MAX_STEPS, longest
    for step in (
        "flow in both directions",
        "length of a scene",
        "faces",
        "iteration",
        "reading a frame",
    ):
        assert max(run.count(step) for run in runs) == 1, step
