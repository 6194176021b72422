"""Decoded frames and durations are those that Chromium shows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from numpy.typing import NDArray

from common.clips.clip import Clip, read_clip
from common.clips.decode import decode
from common.clips.encoding import ClipKind
from common.pictures.kinds import ClipLimits, DecodeLimits
from tests.common.clips.files import (
    BLUE,
    GREEN,
    RED,
    GifFrame,
    PngFrame,
    apng,
    encode_frames,
    gif,
    make_video,
    plain_image,
    solid_frame,
)
from tests.common.clips.test_encoding import TIMES_MS, encode, make_clip, moving_frames
from tools.picture_files.chromium import Chromium, executable, viewer

pytestmark = pytest.mark.skipif(executable() is None, reason="Chromium is not installed")

SMALL = (8, 8, 8, 8)
HALF = (0, 255, 0, 128)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with viewer() as shown:
        yield shown


def decode_ours(data: bytes) -> Clip:
    made = decode(data, DecodeLimits(), ClipLimits(max_frames_per_second=100)).clip
    assert made is not None
    return read_clip(made.file)


def decode_in_chromium(
    chromium: Chromium, data: bytes, mime: str
) -> list[tuple[float, NDArray[Any]]]:
    """Duration and pixels of each frame; equal neighbors are merged."""
    found: list[tuple[float, NDArray[Any]]] = []
    for delay, pixels in chromium.frames(data, mime):
        duration = 100 if delay <= 10 else delay  # as browsers do
        if found and np.array_equal(found[-1][1], pixels):
            found[-1] = found[-1][0] + duration, pixels
        else:
            found.append((duration, pixels))
    return found


def on_black(pixels: NDArray[Any]) -> NDArray[Any]:
    """Colors composited on black."""
    return np.asarray(pixels[..., :3].astype(float) * pixels[..., 3:] / 255)


@pytest.mark.parametrize("disposal", [0, 1, 2, 3])
@pytest.mark.parametrize("transparent", [None, 1])
def test_gif_frames_match_chromium(
    chromium: Chromium, disposal: int, transparent: int | None
) -> None:
    frames = [
        GifFrame(0, 7, disposal),
        GifFrame(1, 2, disposal, SMALL, transparent),
        GifFrame(2, 0, disposal, (4, 4, 8, 8)),
        GifFrame(3, 1, disposal, (20, 20, 20, 20), transparent),
        GifFrame(1, 30, disposal, (0, 0, 3, 3)),
    ]
    assert_same_frames(chromium, gif(frames), "image/gif", 0)


def test_gif_with_a_partial_first_frame_matches_chromium(chromium: Chromium) -> None:
    assert_same_frames(
        chromium, gif([GifFrame(0, box=SMALL), GifFrame(1, box=(12, 12, 8, 8))]), "image/gif", 0
    )


@pytest.mark.parametrize("disposal", [0, 1, 2])
@pytest.mark.parametrize("blend", [0, 1])
def test_animated_png_frames_match_chromium(chromium: Chromium, disposal: int, blend: int) -> None:
    frames = [
        PngFrame((*RED, 255), disposal=disposal),
        PngFrame(HALF, SMALL, (1, 8), disposal, blend),
        PngFrame(HALF, (4, 4, 8, 8), (0, 1), disposal, blend),
        PngFrame((*BLUE, 40), (0, 0, 9, 9), (1, 3), disposal, blend),
    ]
    assert_same_frames(chromium, apng(frames), "image/png", 1)


def test_webp_and_avif_frames_match_chromium(chromium: Chromium) -> None:
    frames = [plain_image((*RED, 255)), plain_image((*GREEN, 128)), plain_image((*BLUE, 60))]
    assert_same_frames(
        chromium,
        encode_frames(frames, "WEBP", lossless=True, duration=[70, 5, 300]),
        "image/webp",
        1,
    )
    opaque = [plain_image(color) for color in (RED, GREEN, BLUE)]
    assert_same_frames(
        chromium,
        encode_frames(opaque, "AVIF", quality=100, duration=[120, 90, 300]),
        "image/avif",
        3,
    )


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_chromium_shows_our_frames_for_their_durations(
    chromium: Chromium, kind: ClipKind, tmp_path: Path
) -> None:
    frames = moving_frames()
    shown = chromium.frames(encode(make_clip(frames), kind, tmp_path), f"image/{kind}")
    times = [round(duration) for duration, _ in shown]
    assert times == ([40, 80, 90, 80, 120, 330] if kind == "gif" else list(TIMES_MS))
    for frame, (_, pixels) in zip(frames, shown, strict=True):
        assert np.abs(pixels[..., :3].astype(int) - np.asarray(frame, int)).mean() < 8


def assert_same_frames(chromium: Chromium, data: bytes, mime: str, tolerance: float) -> None:
    ours, shown = decode_ours(data), decode_in_chromium(chromium, data, mime)
    assert [round(duration) for duration, _pixels in shown] == list(ours.durations_ms)
    for frame, (_duration, pixels) in zip(ours.frames(), shown, strict=True):
        rgba = np.asarray(frame.convert("RGBA"))
        assert np.abs(on_black(rgba) - on_black(pixels)).max() <= tolerance


SMALL_VIDEO, LARGE_VIDEO = (320, 240), (1280, 720)
BT709_TAGS = {
    "colorspace": Colorspace.ITU709,
    "color_primaries": ColorPrimaries.BT709,
    "color_trc": ColorTrc.BT709,
}
WEBM = {"kind": "webm", "codec": "libvpx-vp9", "options": {"cpu-used": "8"}}
MP4 = {"kind": "mp4", "codec": "libx264", "options": {"preset": "ultrafast"}}


@pytest.mark.parametrize(
    ("size", "encoding"),
    [
        (SMALL_VIDEO, WEBM),
        (LARGE_VIDEO, WEBM),
        (SMALL_VIDEO, WEBM | {"colorspace": Colorspace.ITU709}),
        (SMALL_VIDEO, WEBM | {"colorspace": Colorspace.ITU601}),
        (SMALL_VIDEO, WEBM | BT709_TAGS),
        (SMALL_VIDEO, WEBM | BT709_TAGS | {"color_trc": ColorTrc.IEC61966_2_1}),
        (SMALL_VIDEO, WEBM | BT709_TAGS | {"color_range": ColorRange.JPEG}),
        (SMALL_VIDEO, MP4),
        (LARGE_VIDEO, MP4),
        # Chromium ignores incomplete color tags of H.264; the decoder does not.
        (SMALL_VIDEO, MP4 | BT709_TAGS),
        (SMALL_VIDEO, MP4 | BT709_TAGS | {"color_range": ColorRange.JPEG}),
    ],
)
def test_video_colors_match_chromium(
    chromium: Chromium, size: tuple[int, int], encoding: dict[str, Any]
) -> None:
    colors = [(200, 40, 40), (40, 200, 40), (40, 40, 200), (128, 128, 128)]
    data = make_video([solid_frame(color, size) for color in colors], rate=5, **encoding)
    read = decode_ours(data)
    assert len(read) == 4
    for number, frame in enumerate(read.frames()):
        shown = chromium.show(data, f"video/{encoding['kind']}", at_seconds=0.2 * number + 0.1)
        assert shown is not None
        middle = frame.height // 2, frame.width // 2
        ours, theirs = np.asarray(frame)[middle], shown[middle][:3]
        assert np.abs(ours.astype(int) - theirs).max() <= 8, (number, ours, theirs)
