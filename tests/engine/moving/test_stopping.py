"""A wish to stop is looked for between the steps of the work, whichever part of it they are of."""

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
from tests.engine.moving.frames import panned
from tests.kit.thin_vgg19 import noise_picture, thin_studio

LOOK = "look"
MOST_STEPS = 3
STEPS = {
    "engine.moving.scenes.correspondence": "flow there and back",
    "engine.moving.loop.correspondence": "flow there and back",
    "engine.moving.faces.correspondence": "how long a scene is",
    "engine.painting.inputs.find_faces": "faces",
    "engine.painting.scale.evaluate": "iteration",
    "common.clips.clip._frame": "reading",
    "common.clips.clip.encoded_png": "writing",
    "engine.moving.painted_frames.encoded_png": "keeping",
    "common.clips.encoding.gif._indexes": "encoding",
    "common.clips.encoding.h264._even": "encoding",
}


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done, in its order."""
    done: list[str] = []

    def noting(step: str, function: Callable[..., Any], *given: Any, **named: Any) -> Any:
        done.append(step)
        return function(*given, **named)

    for name, step in STEPS.items():
        module, _, attribute = name.rpartition(".")
        function = getattr(importlib.import_module(module), attribute)
        monkeypatch.setattr(name, partial(noting, step, function))
    return done


def clip_file(folder: Path, images: Sequence[Image.Image]) -> Path:
    file = folder / "in.clip"
    write_clip(file, images, [80] * len(images))
    return file


def only_in(number: int) -> Callable[[ClipFaces, int], tuple[Face, ...]]:
    """Faces in one frame alone, so that it is asked to which scene they belong."""
    look = ClipFaces.of

    def of(faces: ClipFaces, other: int) -> tuple[Face, ...]:
        found = look(faces, other)
        return found if other == number else ()

    return of


def test_stop_request_is_checked_between_steps(
    tmp_path: Path, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    there = panned(7, step=3)
    images = [*there, *panned(3, seed=9), *there[-2::-1]]  # cuts, a scene that returns, a loop
    monkeypatch.setattr("engine.painting.faces._detected", lambda _: [Face(0.3, 0.3, 0.3, 0.3)])
    monkeypatch.setattr("engine.moving.faces.ClipFaces.of", only_in(12))
    clip = read_clip(clip_file(tmp_path, images))

    def look() -> bool:
        steps.append(LOOK)
        return False

    control = Control(should_stop=look)
    pictures = Pictures(
        Picture.from_image(clip.frame(0)), (Style(noise_picture(56, 40)),), None, None, "vgg19"
    )
    options = PaintOptions(size_px=64, iterations=2, scales=2)
    frames = PaintedFrames(tmp_path / "frames")
    work = ClipPainting(clip, pictures, options, thin_studio(), frames, control=control)
    steps.clear()
    kept = [event.checkpoint() for event in work.paint() if hasattr(event, "checkpoint")]
    again = ClipPainting(
        clip, pictures, options, thin_studio(), PaintedFrames(tmp_path / "again"), control=control
    )
    again.resume(kept[-1], frames.file)
    write_clip(tmp_path / "out.clip", work.finished(), [80] * len(images))
    for kind in CLIP_KINDS:
        encode_clip(
            read_clip(tmp_path / "out.clip"), tmp_path / f"out.{kind}", kind, check=control.check
        )
    assert set(steps) == {LOOK, *STEPS.values()}
    runs = [list(run) for is_look, run in groupby(steps, LOOK.__eq__) if not is_look]
    longest = max(runs, key=len)
    assert len(longest) <= MOST_STEPS, longest
    for step in ("flow there and back", "how long a scene is", "faces", "iteration", "reading"):
        assert max(run.count(step) for run in runs) == 1, step
