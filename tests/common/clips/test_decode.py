"""Moving files decoded: what is on each frame, and how long it is shown."""

import errno
import io
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import av
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from numpy.typing import NDArray
from PIL import Image

from common.clips.clip import read_clip
from common.clips.decode import decode, decode_into
from common.pictures.kinds import ClipLimits, DecodeLimits, PictureError
from common.pictures.readers import deinterlacing
from tests.common.clips.decoding import LOOKS, at, decoded, made, near
from tests.common.clips.files import (
    BLUE,
    GREEN,
    RED,
    GifFrame,
    PngFrame,
    apng,
    film,
    gif,
    plain,
    saved,
    solid,
    turned,
)

CLEAR = (255, 255, 255, 0)  # what nobody sees is white


def test_decoding_to_disk_gives_the_same_clip_file(tmp_path: Path) -> None:
    clear = saved([plain((*RED, 255)), plain((*BLUE, 100))], "WEBP", lossless=True, duration=100)
    for data in (gif([GifFrame(0), GifFrame(1), GifFrame(2)]), clear):
        file, both = tmp_path / "it.clip", decoded(data)
        picture, notes = decode_into(file, data, DecodeLimits(), ClipLimits())
        assert both.clip is not None
        assert (file.read_bytes(), picture) == (both.clip.file, both.picture)
        assert notes == ()
        assert list(tmp_path.iterdir()) == [file]


def test_a_full_disk_is_not_taken_for_a_broken_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FullDisk(io.BytesIO):
        def write(self, _data: object, /) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("common.clips.spool.TemporaryFile", lambda **_: FullDisk())
    with pytest.raises(OSError, match="No space left"):
        decode_into(
            tmp_path / "it.clip",
            gif([GifFrame(0), GifFrame(1)]),
            DecodeLimits(),
            ClipLimits(),
        )


# GIF


def test_gif_keeps_its_delays_and_slows_too_short_ones() -> None:
    delays = (7, 8, 0, 1, 2, 100, 33)
    frames = [GifFrame(number % 3, hundredths) for number, hundredths in enumerate(delays)]
    clip, about = made(gif(frames), max_frames_per_second=100)
    assert clip.durations_ms == (70, 80, 100, 100, 20, 1000, 330)
    assert at(clip) == [RED, GREEN, BLUE, RED, GREEN, BLUE, RED]
    assert (clip.description.source, about.notes) == ("GIF", ())


@pytest.mark.parametrize(("repeats", "plays"), [(None, 1), (0, 0), (1, 2), (5, 6)])
def test_gif_loop_count_is_kept(repeats: int | None, plays: int) -> None:
    clip, _ = made(gif([GifFrame(0), GifFrame(1)], repeats=repeats))
    assert clip.plays == plays


def test_gif_frames_are_composed_by_their_disposal() -> None:
    small = (8, 8, 8, 8)
    stays = [GifFrame(0), GifFrame(1, box=small), GifFrame(2, box=(0, 0, 4, 4))]
    clip, _ = made(gif(stays))
    assert (at(clip), at(clip, 10, 10)) == ([RED, RED, BLUE], [RED, GREEN, GREEN])

    cleared = [GifFrame(0), GifFrame(1, box=small, disposal=2), GifFrame(2, box=(0, 0, 4, 4))]
    clip, _ = made(gif(cleared))
    assert at(clip, 10, 10) == [(*RED, 255), (*GREEN, 255), CLEAR]

    restored = [GifFrame(0), GifFrame(1, box=small, disposal=3), GifFrame(2, box=(0, 0, 4, 4))]
    clip, _ = made(gif(restored))
    assert at(clip, 10, 10) == [RED, GREEN, RED]


def test_transparent_gif_color_shows_the_previous_frame() -> None:
    frames = [GifFrame(0), GifFrame(1, transparent=1), GifFrame(2, box=(0, 0, 4, 4))]
    clip, _ = made(gif(frames))
    assert clip.durations_ms == (200, 100)  # the second shows the same as the first
    assert at(clip) == [RED, BLUE]


def test_gif_frame_beyond_the_canvas_is_cropped() -> None:
    clip, _ = made(gif([GifFrame(0), GifFrame(1, box=(24, 16, 32, 24))]))
    assert clip.size == (32, 24)
    assert (at(clip, 31, 23), at(clip)) == ([RED, GREEN], [RED, RED])


def test_gif_is_refused_only_when_all_frames_are_transparent() -> None:
    both = decoded(gif([GifFrame(0, transparent=0), GifFrame(1)]))
    assert both.clip is not None
    assert both.picture.width_px == 32
    assert at(read_clip(both.clip.file)) == [CLEAR, (*GREEN, 255)]
    with pytest.raises(PictureError, match="completely transparent"):
        decoded(gif([GifFrame(0, transparent=0), GifFrame(1, transparent=1)]))


# What does not move


@pytest.mark.parametrize(
    "data",
    [
        gif([GifFrame(0)]),
        gif([GifFrame(1), GifFrame(1)]),
        apng([PngFrame((*RED, 255))]),
        saved([plain(RED)], "WEBP"),
        saved([plain(RED)], "PNG"),
        film([solid(RED)]),
    ],
    ids=["gif", "equal", "apng", "webp", "png", "film"],
)
def test_single_or_equal_frames_decode_as_a_still(data: bytes) -> None:
    both = decoded(data)
    assert both.clip is None
    assert both.picture.width_px in {32, 64}


def test_one_pixel_clip_is_refused_with_an_explanation() -> None:
    for data in (
        gif([GifFrame(0, box=(0, 0, 1, 1)), GifFrame(1, box=(0, 0, 1, 1))], canvas=(1, 1)),
        saved([plain(RED, (1, 1)), plain(GREEN, (1, 1))], "WEBP", lossless=True),
    ):
        with pytest.raises(PictureError, match="only 1 × 1 pixels"):
            decoded(data)


# APNG, WebP, AVIF


def test_animated_png_is_composed_by_blend_and_disposal() -> None:
    half, small = (0, 255, 0, 128), (8, 8, 8, 8)
    frames = [
        PngFrame((*RED, 255), delay=(1, 8)),
        PngFrame(half, small, blend=1, disposal=2, delay=(1, 0)),
        PngFrame(half, small, blend=0, disposal=1, delay=(25, 100)),
        PngFrame((*BLUE, 255), (0, 0, 4, 4), delay=(0, 100)),
    ]
    clip, _ = made(apng(frames, plays=3))
    assert clip.plays == 3
    assert clip.durations_ms == (125, 100, 250, 100)  # 1/0 is 1/100, which is too quick
    assert near(at(clip, 10, 10), [(*RED, 255), (127, 128, 0, 255), half, CLEAR], 1)
    assert at(clip)[-1] == (*BLUE, 255)


def test_default_picture_of_an_animated_png_is_not_a_frame() -> None:
    clip, _ = made(apng([PngFrame((*RED, 255)), PngFrame((*BLUE, 255))], default=True))
    assert at(clip) == [RED, BLUE]


def test_animated_webp_keeps_its_times_loops_and_colors() -> None:
    frames = [plain(color) for color in (RED, GREEN, BLUE)]
    data = saved(frames, "WEBP", lossless=True, duration=[85, 300, 1000], loop=2)
    clip, _ = made(data)
    assert (clip.durations_ms, clip.plays) == ((85, 300, 1000), 2)
    assert at(clip) == [RED, GREEN, BLUE]
    clear = saved([plain((*RED, 255)), plain((*BLUE, 100))], "WEBP", lossless=True, duration=100)
    assert near(at(made(clear)[0]), [(*RED, 255), (*BLUE, 100)], 1)


def test_animated_avif_keeps_its_times_and_colors() -> None:
    frames = [plain(color) for color in (RED, GREEN, BLUE)]
    clip, _ = made(saved(frames, "AVIF", quality=100, duration=[120, 300, 400]))
    assert clip.durations_ms == (120, 300, 400)
    assert near(at(clip), [RED, GREEN, BLUE], 6)


# Films

CODECS = [("mp4", "libx264"), ("mov", "libx264"), ("webm", "libvpx-vp9"), ("matroska", "libx264")]


@pytest.mark.parametrize(("kind", "codec"), CODECS)
def test_video_keeps_its_times_plays_once_and_loses_its_sound(kind: str, codec: str) -> None:
    starts = [0, 100, 350, 450]
    data = film(
        [solid(look) for look in LOOKS], kind=kind, codec=codec, starts_ms=starts, sound=True
    )
    clip, about = made(data)
    assert clip.durations_ms[:3] == (100, 250, 100)
    assert (clip.plays, clip.description.has_sound) == (1, True)
    assert [str(note) for note in about.notes] == ["Its sound is left out."]
    assert near(at(clip, 30, 20), LOOKS, 5)
    assert clip.description.source == {"matroska": "MKV"}.get(kind, kind.upper())


@pytest.mark.parametrize(
    ("matrix", "corner"),
    [
        ((1, 0, 0, 1), (0, 0)),
        ((0, 1, -1, 0), (1, 0)),
        ((-1, 0, 0, -1), (1, 1)),
        ((0, -1, 1, 0), (0, 1)),
        ((-1, 0, 0, 1), (1, 0)),
        ((1, 0, 0, -1), (0, 1)),
    ],
)
def test_video_rotation_and_mirroring_are_applied(
    matrix: tuple[int, int, int, int], corner: tuple[int, int]
) -> None:
    """The upper left corner is bright; where is it after the turn?"""
    frames = [solid((30, 30, 30)) for _ in range(3)]
    for number, frame in enumerate(frames):
        frame[:16, :16] = 220
        frame[20 : 24 + 4 * number, 30:34] = 128
    data = turned(film(frames), matrix)
    clip, _ = made(data)
    width, height = clip.size
    assert clip.size == ((64, 48) if matrix[0] else (48, 64))
    x, y = (4 if corner[0] == 0 else width - 5), (4 if corner[1] == 0 else height - 5)
    assert near(at(clip, x, y), [(220, 220, 220)] * 3, 6)
    still = decoded(data).picture
    assert (still.width_px, still.height_px) == clip.size


def test_non_square_pixels_are_made_square() -> None:
    wide = film([solid(look) for look in LOOKS], shape=Fraction(2))
    assert made(wide)[0].size == (128, 48)
    high = film([solid(look) for look in LOOKS], shape=Fraction(1, 2))
    assert made(high)[0].size == (64, 96)


@pytest.mark.parametrize("width", [64, 65, 66, 67, 68, 500])
@pytest.mark.parametrize("shape", [None, Fraction(3, 2)])
def test_video_with_alpha_is_read_to_its_right_edge(width: int, shape: Fraction | None) -> None:
    looks = [(40, 160, 200, alpha) for alpha in (250, 180, 90)]
    frames = [np.full((64, width, 4), look, np.uint8) for look in looks]
    data = film(frames, kind="matroska", codec="ffv1", pixels="yuva420p", shape=shape)
    for frame, look in zip(made(data)[0].frames(), looks, strict=True):
        assert np.abs(np.asarray(frame).astype(int) - look).max() <= 6


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"colorspace": Colorspace.ITU709},
        {"colorspace": Colorspace.ITU601, "color_range": ColorRange.JPEG},
        {"colorspace": Colorspace.ITU709, "color_trc": ColorTrc.BT709},
    ],
    ids=["nothing said", "BT.709", "all levels", "the curve of video is that of sRGB"],
)
def test_color_matrix_and_range_of_a_video_are_respected(tags: dict[str, Any]) -> None:
    clip, _ = made(film([solid(look) for look in LOOKS], **tags))
    assert near(at(clip, 30, 20), LOOKS, 6)


@pytest.mark.parametrize(
    ("height", "kind", "codec", "matrix"),
    [
        (720, "mp4", "libx264", Colorspace.ITU709),
        (718, "mp4", "libx264", Colorspace.ITU601),
        (720, "webm", "libvpx-vp9", Colorspace.ITU601),
    ],
)
def test_untagged_video_uses_the_matrix_of_its_height_and_codec(
    height: int, kind: str, codec: str, matrix: Colorspace
) -> None:
    high = [solid(look, (96, height)) for look in LOOKS[:2]]
    data = film(high, kind=kind, codec=codec, matrix=matrix)
    with av.open(io.BytesIO(data), "r") as container:
        assert next(container.decode(video=0)).colorspace == 2, "unspecified"
    assert near(at(made(data)[0], 30, 20), LOOKS[:2], 6)


def test_hdr_paper_white_maps_below_full_white() -> None:
    """203 cd/m² of PQ, paper white, are code 0.5807; it ends at 240 of 255."""
    white = np.full((48, 64, 3), round(0.5807 * 65535), np.uint16)
    other = np.full((48, 64, 3), 0, np.uint16)
    data = film(
        [white, other],
        kind="matroska",  # into MP4 that fails at random (findings/pyav-x265-into-mp4-at-random.sh)
        codec="libx265",
        pixels="yuv420p10le",
        options={"x265-params": "log-level=none"},
        colorspace=Colorspace(9),
        color_primaries=ColorPrimaries.BT2020,
        color_trc=ColorTrc.SMPTE2084,
        color_range=ColorRange.MPEG,
    )
    clip, _ = made(data)
    assert near(at(clip, 30, 20), [(240, 240, 240), (0, 0, 0)], 3)


# Broken files


def test_truncated_animation_gives_the_frames_before_the_break() -> None:
    noisy = [
        Image.fromarray(np.random.default_rng(n).integers(0, 255, (24, 32, 3), np.uint8))
        for n in range(3)
    ]
    for data, cut in (
        (gif([GifFrame(0), GifFrame(1), GifFrame(2)]), 10),
        (apng([PngFrame((*color, 255)) for color in (RED, GREEN, BLUE)]), 40),
        (saved(noisy, "WEBP", lossless=True, duration=100), 100),
        (saved(noisy, "PNG", duration=100), 100),
    ):
        clip, about = made(data[:-cut])
        assert len(clip) == 2
        assert str(about.notes[0]).startswith("The file breaks off; I used the 0.2 s before that.")


BAR, GROUND = (220, 200, 60), (40, 40, 40)
STEP_PX = 16
"""How far the bar moves from one frame to the next: by half of it from its even to its odd rows."""


def bar_at(left_even: int, left_odd: int, size: tuple[int, int] = (320, 64)) -> NDArray[np.uint8]:
    frame = solid(GROUND, size)
    for first, left in ((0, left_even), (1, left_odd)):
        frame[first::2, left : left + 60] = BAR
    return frame


def comb_of(image: Image.Image) -> float:
    """Mean difference of neighboring rows, which a bar with upright edges does not have."""
    gray = np.asarray(image.convert("L")).astype(float)
    return float(np.abs(np.diff(gray, axis=0)).mean())


@pytest.mark.parametrize(
    ("kind", "pixels"), [("mp4", "yuv420p"), ("mov", "yuv422p10le"), ("matroska", "yuv444p")]
)
def test_interlaced_video_is_deinterlaced(kind: str, pixels: str) -> None:
    """Else the edges of what moves are painted as combs."""
    lefts = range(20, 20 + 8 * STEP_PX, STEP_PX)
    fields = [bar_at(left, left + STEP_PX // 2) for left in lefts]
    options = {"x264-params": "tff=1", "crf": "12"}
    data = film(fields, kind=kind, pixels=pixels, rate=25, options=options)
    clip, told = made(data)
    assert comb_of(Image.fromarray(fields[3])) > 7
    assert max(map(comb_of, clip.frames())) < 2
    assert comb_of(Image.open(io.BytesIO(decoded(data).picture.png))) < 2, "as a photograph, too"
    assert (told.frames, told.seconds) == (4, 0.32)  # of 25 frames a second 12 are taken


def test_video_without_interlaced_frames_passes_no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deinterlacing, "_graph_for", Mock(side_effect=AssertionError))
    frames = [bar_at(left, left) for left in (20, 60, 100)]
    assert made(film(frames))[1].frames == 3


def test_interlaced_video_may_change_its_size() -> None:
    """As a broadcast does; the filter is opened for one size."""
    sizes = [(320, 64)] * 3 + [(160, 64)] * 3
    reader = deinterlacing.Deinterlacer()
    found = []
    for number, size in enumerate(sizes):
        data = film([bar_at(20, 28, size)], options={"x264-params": "tff=1"})
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
    whole = film(fields, kind="matroska", rate=10, options=options)
    clip, told = made(whole[: len(whole) * 6 // 10])
    assert 5 < told.frames < 15
    assert max(map(comb_of, clip.frames())) < 2
    assert any("breaks off" in str(note) for note in told.notes)


def test_truncated_video_gives_earlier_frames_or_is_called_damaged() -> None:
    noisy = [np.random.default_rng(n).integers(0, 255, (48, 64, 3), np.uint8) for n in range(20)]
    early = film(noisy, kind="webm", codec="libvpx-vp9")
    clip, about = made(early[: len(early) // 2])
    assert 2 <= len(clip) < 20
    assert "breaks off" in str(about.notes[0])
    late = film(noisy)  # its index is at the end
    with pytest.raises(PictureError, match="That video is damaged"):
        decoded(late[: len(late) // 2])


def test_every_refusal_of_a_video_calls_the_file_a_video() -> None:
    late = film([solid(look) for look in LOOKS])
    for still_only in (False, True):
        for data, limits in (
            (late[: len(late) // 2], DecodeLimits()),
            (late, DecodeLimits(max_pixels=100)),
            (late, DecodeLimits(min_side_px=4096)),
            (late, DecodeLimits(max_aspect=1.01)),
        ):
            with pytest.raises(PictureError, match=r"^That video "):
                decode(data, limits, None if still_only else ClipLimits())


def test_complete_files_are_not_reported_as_truncated() -> None:
    looks = [solid(look) for look in LOOKS]
    long = [
        film(looks, kind=kind, codec=codec, sound=True, sound_seconds=3) for kind, codec in CODECS
    ]
    for data in (
        gif([GifFrame(0), GifFrame(1)])[:-1],  # without the byte that ends it
        apng([PngFrame((*RED, 255)), PngFrame((*BLUE, 255))]) + b"something else" * 9,
        *long,
    ):
        clip, about = made(data)
        assert len(clip) == (4 if data in long else 2)
        assert "breaks off" not in "".join(str(note) for note in about.notes)


def test_sound_only_file_is_refused_with_an_explanation() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48000)
        silence = av.AudioFrame.from_ndarray(np.zeros((2, 960), np.float32), "fltp", "stereo")
        silence.sample_rate, silence.pts = 48000, 0
        container.mux(stream.encode(silence))
        container.mux(stream.encode(None))
    with pytest.raises(PictureError, match="sound but no picture"):
        decoded(file.getvalue())


def test_first_frame_of_a_moving_file_is_the_still() -> None:
    for data in (gif([GifFrame(0), GifFrame(1)]), film([solid(look) for look in LOOKS])):
        still = decode(data, DecodeLimits(), None)
        assert still.clip is None
        assert "first" in str(still.picture.notes[0])
        assert still.picture.png == decoded(data).picture.png
