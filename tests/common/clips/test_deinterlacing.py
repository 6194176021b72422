"""Deinterlacing the frames of videos."""

import io
from unittest.mock import Mock

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from common.pictures.readers import deinterlacing
from tests.common.clips.decoding import (
    decode_clip,
    decode_file,
)
from tests.common.clips.files import (
    make_video,
    solid_frame,
)

BAR, GROUND = (220, 200, 60), (40, 40, 40)
STEP_PX = 16
"""Distance that the bar moves per frame; half of it between the fields of a frame."""


def bar_at(left_even: int, left_odd: int, size: tuple[int, int] = (320, 64)) -> NDArray[np.uint8]:
    frame = solid_frame(GROUND, size)
    for first, left in ((0, left_even), (1, left_odd)):
        frame[first::2, left : left + 60] = BAR
    return frame


def row_difference(image: Image.Image) -> float:
    """Mean difference of neighboring rows, which is small without interlacing."""
    gray = np.asarray(image.convert("L")).astype(float)
    return float(np.abs(np.diff(gray, axis=0)).mean())


@pytest.mark.parametrize(
    ("kind", "pixels"), [("mp4", "yuv420p"), ("mov", "yuv422p10le"), ("matroska", "yuv444p")]
)
def test_interlaced_video_is_deinterlaced(kind: str, pixels: str) -> None:
    """Otherwise moving edges would be painted as combs."""
    lefts = range(20, 20 + 8 * STEP_PX, STEP_PX)
    fields = [bar_at(left, left + STEP_PX // 2) for left in lefts]
    options = {"x264-params": "tff=1", "crf": "12"}
    data = make_video(fields, kind=kind, pixels=pixels, rate=25, options=options)
    clip, description = decode_clip(data)
    assert row_difference(Image.fromarray(fields[3])) > 7
    assert max(map(row_difference, clip.frames())) < 2
    assert row_difference(Image.open(io.BytesIO(decode_file(data).picture.png))) < 2, (
        "as a still picture"
    )
    assert (description.frames, description.seconds) == (
        4,
        0.32,
    )  # 12 of 25 frames per second are kept


def test_video_without_interlaced_frames_passes_no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deinterlacing, "_graph_for", Mock(side_effect=AssertionError))
    frames = [bar_at(left, left) for left in (20, 60, 100)]
    assert decode_clip(make_video(frames))[1].frames == 3


def test_interlaced_video_may_change_its_size() -> None:
    """Broadcasts do so, but a filter is opened for one size."""
    sizes = [(320, 64)] * 3 + [(160, 64)] * 3
    reader = deinterlacing.Deinterlacer()
    found = []
    for number, size in enumerate(sizes):
        data = make_video([bar_at(20, 28, size)], options={"x264-params": "tff=1"})
        with av.open(io.BytesIO(data), "r") as file:
            frame = next(file.decode(video=0))
        frame.pts = number * 512
        found += [(one.width, one.interlaced_frame) for one in reader.frames_after(frame)]
    found += [(one.width, one.interlaced_frame) for one in reader.rest()]
    assert found == [(width, False) for width, _ in sizes]


def test_truncated_interlaced_video_keeps_the_frames_before() -> None:
    lefts = range(20, 20 + 20 * 10, 10)
    fields = [bar_at(left, left + 5) for left in lefts]
    options = {"x264-params": "tff=1:keyint=5:bframes=0"}
    whole = make_video(fields, kind="matroska", rate=10, options=options)
    clip, description = decode_clip(whole[: len(whole) * 6 // 10])
    assert 5 < description.frames < 15
    assert max(map(row_difference, clip.frames())) < 2
    assert any("breaks off" in str(note) for note in description.notes)
