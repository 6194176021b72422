"""Decoding animations and videos: the content and duration of each frame."""

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
from tests.common.clips.decoding import (
    VIDEO_COLORS,
    colors_match,
    decode_clip,
    decode_file,
    pixel_colors,
)
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
    with_display_matrix,
)
from tests.kit.full_disk import FullFile

TRANSPARENT_WHITE = (255, 255, 255, 0)  # the decoder stores invisible pixels as white


def test_decoding_to_disk_gives_the_same_clip_file(tmp_path: Path) -> None:
    transparent = encode_frames(
        [plain_image((*RED, 255)), plain_image((*BLUE, 100))], "WEBP", lossless=True, duration=100
    )
    for data in (gif([GifFrame(0), GifFrame(1), GifFrame(2)]), transparent):
        file, decoded = tmp_path / "it.clip", decode_file(data)
        picture, notes = decode_into(file, data, DecodeLimits(), ClipLimits())
        assert decoded.clip is not None
        assert (file.read_bytes(), picture) == (decoded.clip.file, decoded.picture)
        assert notes == ()
        assert list(tmp_path.iterdir()) == [file]


def test_a_full_disk_is_not_taken_for_a_broken_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.clips.spool.TemporaryFile", lambda **_: FullFile())
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
    clip, description = decode_clip(gif(frames), max_frames_per_second=100)
    assert clip.durations_ms == (70, 80, 100, 100, 20, 1000, 330)
    assert pixel_colors(clip) == [RED, GREEN, BLUE, RED, GREEN, BLUE, RED]
    assert (clip.description.source, description.notes) == ("GIF", ())


@pytest.mark.parametrize(("repeats", "plays"), [(None, 1), (0, 0), (1, 2), (5, 6)])
def test_gif_loop_count_is_kept(repeats: int | None, plays: int) -> None:
    clip, _ = decode_clip(gif([GifFrame(0), GifFrame(1)], repeats=repeats))
    assert clip.plays == plays


def test_gif_frames_are_composed_by_their_disposal() -> None:
    small = (8, 8, 8, 8)
    kept = [GifFrame(0), GifFrame(1, box=small), GifFrame(2, box=(0, 0, 4, 4))]
    clip, _ = decode_clip(gif(kept))
    assert (pixel_colors(clip), pixel_colors(clip, 10, 10)) == (
        [RED, RED, BLUE],
        [RED, GREEN, GREEN],
    )

    cleared = [GifFrame(0), GifFrame(1, box=small, disposal=2), GifFrame(2, box=(0, 0, 4, 4))]
    clip, _ = decode_clip(gif(cleared))
    assert pixel_colors(clip, 10, 10) == [(*RED, 255), (*GREEN, 255), TRANSPARENT_WHITE]

    restored = [GifFrame(0), GifFrame(1, box=small, disposal=3), GifFrame(2, box=(0, 0, 4, 4))]
    clip, _ = decode_clip(gif(restored))
    assert pixel_colors(clip, 10, 10) == [RED, GREEN, RED]


def test_transparent_gif_color_shows_the_previous_frame() -> None:
    frames = [GifFrame(0), GifFrame(1, transparent=1), GifFrame(2, box=(0, 0, 4, 4))]
    clip, _ = decode_clip(gif(frames))
    assert clip.durations_ms == (200, 100)  # equal frames are merged
    assert pixel_colors(clip) == [RED, BLUE]


def test_gif_frame_beyond_the_canvas_is_cropped() -> None:
    clip, _ = decode_clip(gif([GifFrame(0), GifFrame(1, box=(24, 16, 32, 24))]))
    assert clip.size == (32, 24)
    assert (pixel_colors(clip, 31, 23), pixel_colors(clip)) == ([RED, GREEN], [RED, RED])


def test_gif_is_refused_only_when_all_frames_are_transparent() -> None:
    decoded = decode_file(gif([GifFrame(0, transparent=0), GifFrame(1)]))
    assert decoded.clip is not None
    assert decoded.picture.width_px == 32
    assert pixel_colors(read_clip(decoded.clip.file)) == [TRANSPARENT_WHITE, (*GREEN, 255)]
    with pytest.raises(PictureError, match="completely transparent"):
        decode_file(gif([GifFrame(0, transparent=0), GifFrame(1, transparent=1)]))


# Still pictures


@pytest.mark.parametrize(
    "data",
    [
        gif([GifFrame(0)]),
        gif([GifFrame(1), GifFrame(1)]),
        apng([PngFrame((*RED, 255))]),
        encode_frames([plain_image(RED)], "WEBP"),
        encode_frames([plain_image(RED)], "PNG"),
        make_video([solid_frame(RED)]),
    ],
    ids=["gif", "equal", "apng", "webp", "png", "film"],
)
def test_single_or_equal_frames_decode_as_a_still(data: bytes) -> None:
    decoded = decode_file(data)
    assert decoded.clip is None
    assert decoded.picture.width_px in {32, 64}


def test_one_pixel_clip_is_refused_with_an_explanation() -> None:
    for data in (
        gif([GifFrame(0, box=(0, 0, 1, 1)), GifFrame(1, box=(0, 0, 1, 1))], canvas=(1, 1)),
        encode_frames(
            [plain_image(RED, (1, 1)), plain_image(GREEN, (1, 1))], "WEBP", lossless=True
        ),
    ):
        with pytest.raises(PictureError, match="only 1 × 1 pixels"):
            decode_file(data)


# APNG, WebP, AVIF


def test_animated_png_is_composed_by_blend_and_disposal() -> None:
    half, small = (0, 255, 0, 128), (8, 8, 8, 8)
    frames = [
        PngFrame((*RED, 255), delay=(1, 8)),
        PngFrame(half, small, blend=1, disposal=2, delay=(1, 0)),
        PngFrame(half, small, blend=0, disposal=1, delay=(25, 100)),
        PngFrame((*BLUE, 255), (0, 0, 4, 4), delay=(0, 100)),
    ]
    clip, _ = decode_clip(apng(frames, plays=3))
    assert clip.plays == 3
    assert clip.durations_ms == (125, 100, 250, 100)  # 1/0 is read as 1/100, which is too fast
    assert colors_match(
        pixel_colors(clip, 10, 10), [(*RED, 255), (127, 128, 0, 255), half, TRANSPARENT_WHITE], 1
    )
    assert pixel_colors(clip)[-1] == (*BLUE, 255)


def test_default_picture_of_an_animated_png_is_not_a_frame() -> None:
    clip, _ = decode_clip(apng([PngFrame((*RED, 255)), PngFrame((*BLUE, 255))], default=True))
    assert pixel_colors(clip) == [RED, BLUE]


def test_animated_webp_keeps_its_times_loops_and_colors() -> None:
    frames = [plain_image(color) for color in (RED, GREEN, BLUE)]
    data = encode_frames(frames, "WEBP", lossless=True, duration=[85, 300, 1000], loop=2)
    clip, _ = decode_clip(data)
    assert (clip.durations_ms, clip.plays) == ((85, 300, 1000), 2)
    assert pixel_colors(clip) == [RED, GREEN, BLUE]
    transparent = encode_frames(
        [plain_image((*RED, 255)), plain_image((*BLUE, 100))], "WEBP", lossless=True, duration=100
    )
    assert colors_match(pixel_colors(decode_clip(transparent)[0]), [(*RED, 255), (*BLUE, 100)], 1)


def test_animated_avif_keeps_its_times_and_colors() -> None:
    frames = [plain_image(color) for color in (RED, GREEN, BLUE)]
    clip, _ = decode_clip(encode_frames(frames, "AVIF", quality=100, duration=[120, 300, 400]))
    assert clip.durations_ms == (120, 300, 400)
    assert colors_match(pixel_colors(clip), [RED, GREEN, BLUE], 6)


# Videos

CODECS = [("mp4", "libx264"), ("mov", "libx264"), ("webm", "libvpx-vp9"), ("matroska", "libx264")]


@pytest.mark.parametrize(("kind", "codec"), CODECS)
def test_video_keeps_its_times_plays_once_and_loses_its_sound(kind: str, codec: str) -> None:
    starts = [0, 100, 350, 450]
    data = make_video(
        [solid_frame(look) for look in VIDEO_COLORS],
        kind=kind,
        codec=codec,
        starts_ms=starts,
        sound=True,
    )
    clip, description = decode_clip(data)
    assert clip.durations_ms[:3] == (100, 250, 100)
    assert (clip.plays, clip.description.has_sound) == (1, True)
    assert [str(note) for note in description.notes] == ["Its sound is left out."]
    assert colors_match(pixel_colors(clip, 30, 20), VIDEO_COLORS, 5)
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
    """The bright upper left corner is at `corner` afterwards."""
    frames = [solid_frame((30, 30, 30)) for _ in range(3)]
    for number, frame in enumerate(frames):
        frame[:16, :16] = 220
        frame[20 : 24 + 4 * number, 30:34] = 128
    data = with_display_matrix(make_video(frames), matrix)
    clip, _ = decode_clip(data)
    width, height = clip.size
    assert clip.size == ((64, 48) if matrix[0] else (48, 64))
    x, y = (4 if corner[0] == 0 else width - 5), (4 if corner[1] == 0 else height - 5)
    assert colors_match(pixel_colors(clip, x, y), [(220, 220, 220)] * 3, 6)
    still = decode_file(data).picture
    assert (still.width_px, still.height_px) == clip.size


def test_non_square_pixels_are_made_square() -> None:
    wide = make_video([solid_frame(look) for look in VIDEO_COLORS], shape=Fraction(2))
    assert decode_clip(wide)[0].size == (128, 48)
    high = make_video([solid_frame(look) for look in VIDEO_COLORS], shape=Fraction(1, 2))
    assert decode_clip(high)[0].size == (64, 96)


@pytest.mark.parametrize("width", [64, 65, 66, 67, 68, 500])
def test_video_with_alpha_is_read_to_its_right_edge(width: int) -> None:
    looks = [(40, 160, 200, alpha) for alpha in (250, 180, 90)]
    frames = [np.full((64, width, 4), look, np.uint8) for look in looks]
    data = make_video(frames, kind="matroska", codec="ffv1", pixels="yuva420p")
    for frame, look in zip(decode_clip(data)[0].frames(), looks, strict=True):
        assert np.abs(np.asarray(frame).astype(int) - look).max() <= 6


@pytest.mark.parametrize(
    ("width", "kind", "codec", "shape"),
    [
        (65, "matroska", "ffv1", None),
        (64, "mp4", "libx264", Fraction(65, 64)),
    ],
    ids=["its own", "made square"],
)
def test_deep_video_of_odd_width_keeps_its_colors(
    width: int, kind: str, codec: str, shape: Fraction | None
) -> None:
    frames = [solid_frame(c, (width, 48)).astype(np.uint16) * 257 for c in VIDEO_COLORS]
    data = make_video(frames, kind=kind, codec=codec, pixels="yuv420p10le", shape=shape)
    clip, _ = decode_clip(data)
    assert clip.size == (65, 48)
    assert colors_match(pixel_colors(clip, 30, 20), VIDEO_COLORS, 6)


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"colorspace": Colorspace.ITU709},
        {"colorspace": Colorspace.ITU601, "color_range": ColorRange.JPEG},
        {"colorspace": Colorspace.ITU709, "color_trc": ColorTrc.BT709},
    ],
    ids=["no tags", "BT.709", "full range", "BT.709 transfer"],
)
def test_color_matrix_and_range_of_a_video_are_respected(tags: dict[str, Any]) -> None:
    clip, _ = decode_clip(make_video([solid_frame(look) for look in VIDEO_COLORS], **tags))
    assert colors_match(pixel_colors(clip, 30, 20), VIDEO_COLORS, 6)


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
    high = [solid_frame(look, (96, height)) for look in VIDEO_COLORS[:2]]
    data = make_video(high, kind=kind, codec=codec, matrix=matrix)
    with av.open(io.BytesIO(data), "r") as container:
        assert next(container.decode(video=0)).colorspace == 2, "unspecified"
    assert colors_match(pixel_colors(decode_clip(data)[0], 30, 20), VIDEO_COLORS[:2], 6)


def test_hdr_paper_white_maps_below_full_white() -> None:
    """Paper white, 203 cd/m², has the PQ code 0.5807; it becomes 240 of 255."""
    white = np.full((48, 64, 3), round(0.5807 * 65535), np.uint16)
    other = np.full((48, 64, 3), 0, np.uint16)
    data = make_video(
        [white, other],
        # MP4 fails at random (findings/pyav-x265-into-mp4-at-random.sh).
        kind="matroska",
        codec="libx265",
        pixels="yuv420p10le",
        options={"x265-params": "log-level=none"},
        colorspace=Colorspace(9),
        color_primaries=ColorPrimaries.BT2020,
        color_trc=ColorTrc.SMPTE2084,
        color_range=ColorRange.MPEG,
    )
    clip, _ = decode_clip(data)
    assert colors_match(pixel_colors(clip, 30, 20), [(240, 240, 240), (0, 0, 0)], 3)


# Broken files


def test_truncated_animation_gives_the_frames_before_the_break() -> None:
    noisy = [
        Image.fromarray(np.random.default_rng(n).integers(0, 255, (24, 32, 3), np.uint8))
        for n in range(3)
    ]
    for data, cut in (
        (gif([GifFrame(0), GifFrame(1), GifFrame(2)]), 10),
        (apng([PngFrame((*color, 255)) for color in (RED, GREEN, BLUE)]), 40),
        (encode_frames(noisy, "WEBP", lossless=True, duration=100), 100),
        (encode_frames(noisy, "PNG", duration=100), 100),
    ):
        clip, description = decode_clip(data[:-cut])
        assert len(clip) == 2
        assert str(description.notes[0]).startswith(
            "The file breaks off; I used the 0.2 s before that."
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


def test_truncated_video_gives_earlier_frames_or_is_called_damaged() -> None:
    noisy = [np.random.default_rng(n).integers(0, 255, (48, 64, 3), np.uint8) for n in range(20)]
    early = make_video(noisy, kind="webm", codec="libvpx-vp9")
    clip, description = decode_clip(early[: len(early) // 2])
    assert 2 <= len(clip) < 20
    assert "breaks off" in str(description.notes[0])
    late = make_video(noisy)  # its index is at the end
    with pytest.raises(PictureError, match="That video is damaged"):
        decode_file(late[: len(late) // 2])


def test_every_refusal_of_a_video_calls_the_file_a_video() -> None:
    late = make_video([solid_frame(look) for look in VIDEO_COLORS])
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
    looks = [solid_frame(look) for look in VIDEO_COLORS]
    long = [
        make_video(looks, kind=kind, codec=codec, sound=True, sound_seconds=3)
        for kind, codec in CODECS
    ]
    for data in (
        gif([GifFrame(0), GifFrame(1)])[:-1],  # without the trailer byte
        apng([PngFrame((*RED, 255)), PngFrame((*BLUE, 255))]) + b"something else" * 9,
        *long,
    ):
        clip, description = decode_clip(data)
        assert len(clip) == (4 if data in long else 2)
        assert "breaks off" not in "".join(str(note) for note in description.notes)


def test_sound_only_file_is_refused_with_an_explanation() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48000)
        silence = av.AudioFrame.from_ndarray(np.zeros((2, 960), np.float32), "fltp", "stereo")
        silence.sample_rate, silence.pts = 48000, 0
        container.mux(stream.encode(silence))
        container.mux(stream.encode(None))
    with pytest.raises(PictureError, match="sound but no picture"):
        decode_file(file.getvalue())


def test_first_frame_of_a_moving_file_is_the_still() -> None:
    for data in (
        gif([GifFrame(0), GifFrame(1)]),
        make_video([solid_frame(look) for look in VIDEO_COLORS]),
    ):
        still = decode(data, DecodeLimits(), None)
        assert still.clip is None
        assert "first" in str(still.picture.notes[0])
        assert still.picture.png == decode_file(data).picture.png
