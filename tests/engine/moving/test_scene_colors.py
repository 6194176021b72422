"""How a scene takes the style's colors: by hue, or by light if it shows a face."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from common.options import PaintOptions
from engine.moving.events import FramePainted
from engine.moving.faces import ClipFaces
from engine.painting import Painted, Picture, Studio, Style, paint
from engine.painting.faces import Face
from engine.painting.inputs import Inputs, with_colors_first
from engine.painting.palette import Coloring
from tests.engine.moving.frames import ImageClip, panning_frames
from tests.engine.moving.paintings import (
    OPTIONS,
    STYLE,
    make_clip_painting,
    mean_difference,
    paint_clip_frames,
)
from tests.kit.thin_vgg19 import thin_studio

FACE = Face(0.3, 0.3, 0.3, 0.3)
QUICK = PaintOptions(size_px=64, iterations=1, scales=1)


@pytest.fixture(scope="module")
def studio() -> Studio:
    return thin_studio()


@pytest.fixture
def colored_by_hue(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each painted frame whether it was colored by hue."""
    by_hue_of_frames: list[bool] = []

    def record_coloring(inputs: Inputs, share: float, coloring: Coloring | None = None) -> Inputs:
        assert coloring is not None
        by_hue_of_frames.append(coloring.by_hue)
        return with_colors_first(inputs, share, coloring)

    monkeypatch.setattr("engine.moving.painting.with_colors_first", record_coloring)
    return by_hue_of_frames


def fake_faces(monkeypatch: pytest.MonkeyPatch, images: list[Image.Image], *frames: int) -> None:
    """Let face detection find a face in these frames only."""
    hashes = {Picture.from_image(images[number]).hash for number in frames}

    def find(photograph: Picture) -> tuple[Face, ...]:
        return (FACE,) if photograph.hash in hashes else ()

    monkeypatch.setattr("engine.painting.inputs.find_faces", find)


@pytest.mark.parametrize("faces", [(), (0,)])
def test_first_frame_equals_the_painted_still(
    faces: tuple[int, ...], tmp_path: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = panning_frames(2)
    fake_faces(monkeypatch, images, *faces)
    _, frames = paint_clip_frames(images, tmp_path, studio)
    events = paint(Picture.from_image(images[0]), [Style(STYLE)], OPTIONS, studio=studio)
    still = next(event for event in events if isinstance(event, Painted))
    assert mean_difference(frames[0], still.picture.to_image()) == 0


@pytest.mark.parametrize(
    ("count", "faces", "by_hue"),
    [(3, (), True), (3, (0,), False), (13, (12,), False), (6, (5,), True)],
    ids=["no face", "in the first frame", "in a later frame", "in a frame that is not searched"],
)
def test_scene_with_a_face_is_colored_by_light_from_its_first_frame(
    count: int,
    faces: tuple[int, ...],
    by_hue: bool,
    tmp_path: Path,
    studio: Studio,
    colored_by_hue: list[bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = panning_frames(count)
    fake_faces(monkeypatch, images, *faces)
    paint_clip_frames(images, tmp_path, studio, options=QUICK)
    assert colored_by_hue == [by_hue] * count


def test_coloring_is_decided_per_scene_and_kept_when_a_scene_returns(
    tmp_path: Path, studio: Studio, colored_by_hue: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, other = panning_frames(9), panning_frames(4, seed=7)
    images = [
        *first[:4],
        *other,
        *first[4:],
    ]  # cuts at 4 and 8; frame 12 is in the scene that returns
    fake_faces(monkeypatch, images, 4, 12)
    events, _ = paint_clip_frames(images, tmp_path, studio, options=QUICK)
    assert events[-1].anew == (1, 5)
    assert colored_by_hue == [True] * 4 + [False] * 4 + [True] * 5


def test_resumed_run_keeps_the_coloring_of_its_scene(
    tmp_path: Path, studio: Studio, colored_by_hue: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [*panning_frames(3), *panning_frames(10, seed=7)]
    fake_faces(monkeypatch, images, 12)  # in the second scene, which begins with frame 3
    run = make_clip_painting(ImageClip(images), tmp_path / "first", studio, QUICK)
    done = (event for event in run.paint() if isinstance(event, FramePainted))
    (checkpoint,) = [event.checkpoint() for event in done if event.frame == 9]
    assert colored_by_hue == [True] * 3 + [False] * 10
    resumed = make_clip_painting(ImageClip(images), tmp_path / "second", studio, QUICK)
    resumed.resume(checkpoint, run.frames.file)
    colored_by_hue.clear()
    list(resumed.paint())
    assert colored_by_hue == [False] * 4
    for one, another in zip(run.finished(), resumed.finished(), strict=True):
        assert mean_difference(one, another) == 0


def clip_faces_of(images: list[Image.Image], faces: Collection[int], **overrides: Any) -> ClipFaces:
    def content(number: int) -> np.ndarray:
        return np.asarray(images[number], np.float32) / np.float32(255)

    def find(number: int) -> tuple[Face, ...]:
        return (FACE,) if number in faces else ()

    return ClipFaces(len(images), **{"find": find, "content": content, **overrides})


def test_frames_are_searched_once_and_no_flow_is_computed_without_faces() -> None:
    searched: list[int] = []

    def find(number: int) -> tuple[Face, ...]:
        searched.append(number)
        return ()

    def content(number: int) -> np.ndarray:
        raise AssertionError(number)

    clip_faces = clip_faces_of(panning_frames(30), (), find=find, content=content)
    assert not clip_faces.in_scene(3)
    assert not clip_faces.in_scene(3)
    assert clip_faces.of(24) == ()
    assert searched == [3, 12, 24]


def test_face_beyond_a_cut_belongs_to_another_scene() -> None:
    images = [*panning_frames(13), *panning_frames(12, seed=7)]
    assert not clip_faces_of(images, {24}).in_scene(0)
    assert clip_faces_of(images, {24}).in_scene(13)
    assert clip_faces_of(images, {12, 24}).in_scene(0)
