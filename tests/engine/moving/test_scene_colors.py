"""How the frames of a scene take the styles' colours: decided once, by the faces in it."""

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
from tests.engine.moving.frames import Images, panned
from tests.engine.moving.paintings import OPTIONS, STYLE, apart, painted, painting
from tests.kit.thin_vgg19 import thin_studio

FACE = Face(0.3, 0.3, 0.3, 0.3)
QUICK = PaintOptions(size_px=64, iterations=1, scales=1)


@pytest.fixture(scope="module")
def studio() -> Studio:
    return thin_studio()


@pytest.fixture
def led_by_hue(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each frame that is painted whether hue led it to the palette."""
    led: list[bool] = []

    def noting(inputs: Inputs, share: float, coloring: Coloring | None = None) -> Inputs:
        assert coloring is not None
        led.append(coloring.by_hue)
        return with_colors_first(inputs, share, coloring)

    monkeypatch.setattr("engine.moving.painting.with_colors_first", noting)
    return led


def show_faces(monkeypatch: pytest.MonkeyPatch, images: list[Image.Image], *frames: int) -> None:
    """Let faces be found in some of the images."""
    hashes = {Picture.from_image(images[number]).hash for number in frames}

    def find(photograph: Picture) -> tuple[Face, ...]:
        return (FACE,) if photograph.hash in hashes else ()

    monkeypatch.setattr("engine.painting.inputs.find_faces", find)


@pytest.mark.parametrize("faces", [(), (0,)])
def test_first_frame_equals_the_painted_still(
    faces: tuple[int, ...], tmp_path: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = panned(2)
    show_faces(monkeypatch, images, *faces)
    _, frames = painted(images, tmp_path, studio)
    alone = paint(Picture.from_image(images[0]), [Style(STYLE)], OPTIONS, studio=studio)
    still = next(event for event in alone if isinstance(event, Painted))
    assert apart(frames[0], still.picture.to_image()) == 0


@pytest.mark.parametrize(
    ("count", "faces", "by_hue"),
    [(3, (), True), (3, (0,), False), (13, (12,), False), (6, (5,), True)],
    ids=["none", "from the first", "one comes", "one that is not looked for"],
)
def test_scene_with_a_face_is_colored_by_light_from_its_first_frame(
    count: int,
    faces: tuple[int, ...],
    by_hue: bool,
    tmp_path: Path,
    studio: Studio,
    led_by_hue: list[bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = panned(count)
    show_faces(monkeypatch, images, *faces)
    painted(images, tmp_path, studio, options=QUICK)
    assert led_by_hue == [by_hue] * count


def test_coloring_is_decided_per_scene_and_kept_when_a_scene_returns(
    tmp_path: Path, studio: Studio, led_by_hue: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, other = panned(9), panned(4, seed=7)
    images = [*first[:4], *other, *first[4:]]  # Cuts at 4 and 8; 12 is in the scene that returns.
    show_faces(monkeypatch, images, 4, 12)
    events, _ = painted(images, tmp_path, studio, options=QUICK)
    assert events[-1].anew == (1, 5)
    assert led_by_hue == [True] * 4 + [False] * 4 + [True] * 5


def test_resumed_run_keeps_the_coloring_of_its_scene(
    tmp_path: Path, studio: Studio, led_by_hue: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [*panned(3), *panned(10, seed=7)]
    show_faces(monkeypatch, images, 12)  # of the second scene, which begins with frame 3
    run = painting(Images(images), tmp_path / "first", studio, QUICK)
    done = (event for event in run.paint() if isinstance(event, FramePainted))
    (kept,) = [event.checkpoint() for event in done if event.frame == 9]
    assert led_by_hue == [True] * 3 + [False] * 10
    again = painting(Images(images), tmp_path / "second", studio, QUICK)
    again.resume(kept, run.frames.file)
    led_by_hue.clear()
    list(again.paint())
    assert led_by_hue == [False] * 4
    for one, another in zip(run.finished(), again.finished(), strict=True):
        assert apart(one, another) == 0


def faces_of(images: list[Image.Image], faces: Collection[int], **given: Any) -> ClipFaces:
    def content(number: int) -> np.ndarray:
        return np.asarray(images[number], np.float32) / np.float32(255)

    def find(number: int) -> tuple[Face, ...]:
        return (FACE,) if number in faces else ()

    return ClipFaces(len(images), **{"find": find, "content": content, **given})


def test_frames_are_searched_once_and_no_flow_is_computed_without_faces() -> None:
    looked: list[int] = []

    def find(number: int) -> tuple[Face, ...]:
        looked.append(number)
        return ()

    def content(number: int) -> np.ndarray:
        raise AssertionError(number)

    found = faces_of(panned(30), (), find=find, content=content)
    assert not found.in_scene(3)
    assert not found.in_scene(3)
    assert found.of(24) == ()
    assert looked == [3, 12, 24]


def test_face_beyond_a_cut_belongs_to_another_scene() -> None:
    images = [*panned(13), *panned(12, seed=7)]
    assert not faces_of(images, {24}).in_scene(0)
    assert faces_of(images, {24}).in_scene(13)
    assert faces_of(images, {12, 24}).in_scene(0)
