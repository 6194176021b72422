"""Painting clips: how frames continue each other, and how a run is resumed."""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage
from PIL import Image, ImageDraw

from common.options import PaintOptions
from engine.moving.events import ClipPainted, FramePainted, FrameStepped
from engine.moving.painting import ClipPainting
from engine.painting import (
    Control,
    PaintingStoppedError,
    PaintSettingsError,
    Picture,
    Studio,
)
from engine.painting.faces import Face, find_faces
from engine.painting.inputs import Inputs
from engine.painting.painter import paint_inputs
from tests.engine.moving.frames import ImageClip, noise_texture, panning_frames, to_image
from tests.engine.moving.paintings import (
    OPTIONS,
    make_clip_painting,
    mean_difference,
    paint_clip_frames,
    rgb_levels,
)
from tests.kit.thin_vgg19 import thin_studio


@pytest.fixture(scope="module")
def studio() -> Studio:
    return thin_studio()


def iterations(events: Sequence[Any], frame: int) -> int:
    return sum(isinstance(one, FrameStepped) and one.frame == frame for one in events)


def test_every_frame_is_reported_and_only_the_first_starts_from_scratch(
    tmp_path: Path, studio: Studio
) -> None:
    events, frames = paint_clip_frames(panning_frames(4), tmp_path, studio)
    done = [event for event in events if isinstance(event, FramePainted)]
    assert [(event.frame, event.frames, event.anew) for event in done] == [
        (1, 4, True),
        (2, 4, False),
        (3, 4, False),
        (4, 4, False),
    ]
    assert iterations(events, 2) < 2 / 3 * iterations(events, 1)
    fractions = [one.fraction for one in events if isinstance(one, FrameStepped | FramePainted)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert len(frames) == 4
    assert frames[0].size == (80, 64)
    assert isinstance(events[-1], ClipPainted)
    assert events[-1].anew == (1,)


def test_equal_frames_are_copied(tmp_path: Path, studio: Studio) -> None:
    first, second = panning_frames(2)
    events, frames = paint_clip_frames([first, first, second, second], tmp_path, studio)
    assert iterations(events, 2) == iterations(events, 4) == 0
    assert mean_difference(frames[0], frames[1]) == 0
    assert mean_difference(frames[1], frames[2]) > 0
    assert mean_difference(frames[2], frames[3]) == 0
    assert events[-1].copied == 2


def test_still_parts_stay_identical_while_an_object_moves(tmp_path: Path, studio: Studio) -> None:
    images = []
    for left in (4, 8, 12):
        frame = to_image(noise_texture(64, 80))
        ImageDraw.Draw(frame).rectangle((left, 8, left + 12, 24), (240, 30, 30))
        images.append(frame)
    _, frames = paint_clip_frames(images, tmp_path, studio)
    for one, another in itertools.pairwise(frames):
        assert (rgb_levels(one)[:, 48:] == rgb_levels(another)[:, 48:]).all()
        assert (rgb_levels(one)[:32, :32] != rgb_levels(another)[:32, :32]).any()


def test_cut_starts_over_and_a_returning_scene_continues(tmp_path: Path, studio: Studio) -> None:
    first, other = panning_frames(4, seed=0), panning_frames(2, seed=7)
    events, frames = paint_clip_frames([*first[:2], *other, *first[2:]], tmp_path, studio)
    assert events[-1].anew == (1, 3)
    assert iterations(events, 3) == iterations(events, 1)
    _, alone = paint_clip_frames([other[0]], tmp_path / "alone", studio)
    assert mean_difference(frames[2], alone[0]) == 0, "painted as if it were the first frame"
    assert mean_difference(frames[3], frames[2]) < mean_difference(frames[2], frames[1])


def test_slow_fade_is_repainted_once_visible(tmp_path: Path, studio: Studio) -> None:
    scene = noise_texture(64, 80) * 0.8
    images = [to_image(scene + number / 255) for number in range(9)]
    events, frames = paint_clip_frames(images, tmp_path, studio)
    assert events[-1].anew == (1,)
    assert 4 <= events[-1].copied < 8
    assert rgb_levels(frames[-1]).mean() != rgb_levels(frames[0]).mean()


def test_looping_clip_ends_near_its_first_frame(tmp_path: Path, studio: Studio) -> None:
    forward = panning_frames(5, step=3)
    images = [*forward, *forward[-2::-1]]  # ends with the first frame
    quick_options = OPTIONS.model_copy(update={"scales": 1})
    steps: dict[bool, float] = {}
    for loops in (False, True):
        _, frames = paint_clip_frames(
            images, tmp_path / str(loops), studio, loops=loops, options=quick_options
        )
        steps[loops] = mean_difference(frames[-1], frames[0])
    assert steps[True] < steps[False] / 2


def test_resumed_run_repaints_only_the_current_frame_and_ends_identically(
    tmp_path: Path, studio: Studio
) -> None:
    images = panning_frames(4)
    _, uninterrupted = paint_clip_frames(images, tmp_path / "whole", studio)
    run = make_clip_painting(ImageClip(images), tmp_path / "first", studio)
    checkpoint = b""
    for event in run.paint():
        if isinstance(event, FramePainted):
            checkpoint = event.checkpoint()
        if isinstance(event, FrameStepped) and event.frame == 3:
            break
    resumed = make_clip_painting(ImageClip(images), tmp_path / "second", studio)
    resumed.resume(checkpoint, run.frames.file)
    events = list(resumed.paint())
    assert {one.frame for one in events if isinstance(one, FrameStepped)} == {3, 4}
    for one, another in zip(uninterrupted, resumed.finished(), strict=True):
        assert mean_difference(one, another) == 0


def test_checkpoints_of_other_clips_and_unreadable_ones_are_refused(
    tmp_path: Path, studio: Studio
) -> None:
    run = make_clip_painting(ImageClip(panning_frames(1)), tmp_path / "a", studio)
    last = [one for one in run.paint() if isinstance(one, FramePainted)][-1]
    others = ImageClip(panning_frames(2, seed=3))
    for clip, data, message in (
        (others, last.checkpoint(), "other pictures"),
        (ImageClip(panning_frames(1), loops=True), last.checkpoint(), "other pictures"),
        (others, b"no JSON", "cannot be read"),
    ):
        other = make_clip_painting(clip, tmp_path / "b", studio)
        with pytest.raises(PaintSettingsError, match=message):
            other.resume(data, run.frames.file)
    invalid = {**json.loads(last.checkpoint()), "report": "of another kind"}
    same = make_clip_painting(ImageClip(panning_frames(1)), tmp_path / "c", studio)
    with pytest.raises(PaintSettingsError, match="cannot be read"):
        same.resume(json.dumps(invalid).encode(), run.frames.file)


def test_wrong_frames_for_a_checkpoint_are_refused_and_painting_starts_over(
    tmp_path: Path, studio: Studio
) -> None:
    images, quick_options = panning_frames(3), PaintOptions(size_px=64, iterations=1, scales=1)
    run = make_clip_painting(ImageClip(images), tmp_path / "a", studio, quick_options)
    checkpoint = [one.checkpoint() for one in run.paint() if isinstance(one, FramePainted)][1]
    for file, problem in (
        (lambda _number: run.frames.file(0), PaintSettingsError),
        (lambda _number: b"no PNG", PaintSettingsError),
        (lambda number: run.frames.file(number)[:-20], PaintSettingsError),
        (lambda _number: run.frames.file(99), FileNotFoundError),
    ):
        resumed = make_clip_painting(ImageClip(images), tmp_path / "b", studio, quick_options)
        with pytest.raises(problem):
            resumed.resume(checkpoint, file)
        assert len(resumed.frames) == 0
        events = list(resumed.paint())
        assert {one.frame for one in events if isinstance(one, FrameStepped)} == {1, 2, 3}


def test_checkpoint_size_does_not_grow_with_the_frames(tmp_path: Path, studio: Studio) -> None:
    images = [Image.new("RGB", (32, 32), (number, 90, 40)) for number in range(40)]
    quick_options = PaintOptions(size_px=64, iterations=1, scales=1)
    run = make_clip_painting(ImageClip(images), tmp_path, studio, quick_options)
    sizes = [len(one.checkpoint()) for one in run.paint() if isinstance(one, FramePainted)]
    assert len(sizes) == 40
    assert max(sizes) - min(sizes) < 32  # its numbers get more digits


def test_stop_request_takes_effect_within_a_frame(tmp_path: Path, studio: Studio) -> None:
    seen: list[Any] = []
    control = Control(should_stop=lambda: any(isinstance(one, FrameStepped) for one in seen))
    run = make_clip_painting(ImageClip(panning_frames(3)), tmp_path, studio, control=control)
    with pytest.raises(PaintingStoppedError):
        _collect_events(run, seen)
    assert sum(isinstance(one, FrameStepped) for one in seen) == 1


@pytest.mark.parametrize("size", [(1, 1), (3, 90), (1, 90), (90, 1)])
def test_tiny_and_single_frame_clips_can_be_painted(
    size: tuple[int, int], tmp_path: Path, studio: Studio
) -> None:
    images = [Image.new("RGB", size, (200, 40, 40)), Image.new("RGB", size, (40, 40, 200))]
    for count in (1, 2):
        _, frames = paint_clip_frames(images[:count], tmp_path / str(count), studio)
        assert len(frames) == count
        assert max(frames[0].size) == 80


def test_transparent_parts_stay_transparent(tmp_path: Path, studio: Studio) -> None:
    images = []
    for left in (10, 20):
        frame = to_image(noise_texture(64, 80)).convert("RGBA")
        frame.putalpha(0)
        alpha = Image.new("L", frame.size, 0)
        ImageDraw.Draw(alpha).rectangle((left, 10, left + 30, 50), 255)
        frame.putalpha(alpha)
        images.append(frame)
    _, frames = paint_clip_frames([*images, images[1]], tmp_path, studio)
    for frame, image in zip(frames, [*images, images[1]], strict=True):
        assert frame.mode == "RGBA"
        assert frame.getchannel("A").tobytes() == image.getchannel("A").tobytes()


def test_keep_colors_gives_every_frame_the_photographs_colors(
    tmp_path: Path, studio: Studio
) -> None:
    grey = [one.convert("L").convert("RGB") for one in panning_frames(2)]
    options = OPTIONS.model_copy(update={"keep_colors": "luminance"})
    _, frames = paint_clip_frames(grey, tmp_path, studio, options=options)
    for frame in frames:
        assert np.ptp(rgb_levels(frame), axis=-1).max() <= 1


def test_faces_are_found_once_and_move_with_the_picture(
    tmp_path: Path, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    astronaut = Image.open(Path(skimage.__file__).parent / "data" / "astronaut.png").convert("RGB")
    images = [astronaut.crop((8 * n, 0, 8 * n + 400, 320)).resize((160, 128)) for n in range(4)]
    searched: list[Picture] = []
    masks: list[np.ndarray] = []

    def find(photograph: Picture) -> tuple[Face, ...]:
        searched.append(photograph)
        return find_faces(photograph)

    def paint(inputs: Inputs, *args: Any, **kwargs: Any) -> Any:
        assert inputs.faces is not None
        masks.append(inputs.faces.numpy())
        return paint_inputs(inputs, *args, **kwargs)

    monkeypatch.setattr("engine.painting.inputs.find_faces", find)
    monkeypatch.setattr("engine.moving.painting.paint_inputs", paint)
    paint_clip_frames(images, tmp_path, studio, options=OPTIONS.model_copy(update={"size_px": 160}))
    assert len(searched) == 1
    middles = [float((mask.sum(0) * np.arange(160)).sum() / mask.sum()) for mask in masks]
    steps = -np.diff(middles)
    assert steps == pytest.approx([8 * 160 / 400] * 3, abs=1.0)


def test_preview_is_a_short_loop_of_finished_frames(tmp_path: Path, studio: Studio) -> None:
    run = make_clip_painting(ImageClip(panning_frames(3)), tmp_path, studio)
    previews = [one.preview(40) for one in run.paint() if isinstance(one, FramePainted)]
    assert [len(images) for images in previews] == [1, 2, 3]
    assert all(max(image.size) == 40 for image in previews[-1])


def _collect_events(run: ClipPainting, seen: list[Any]) -> None:
    for event in run.paint():
        seen.append(event)  # noqa: PERF402 (the control reads it meanwhile)
