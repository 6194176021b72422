"""Decoding animations: the content and duration of each frame."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.clips.clip import read_clip
from common.clips.decode import decode, decode_into
from common.pictures.kinds import ClipLimits, DecodeLimits, PictureError
from tests.common.clips.decoding import (
    CODECS,
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


def test_first_frame_of_a_moving_file_is_the_still() -> None:
    for data in (
        gif([GifFrame(0), GifFrame(1)]),
        make_video([solid_frame(look) for look in VIDEO_COLORS]),
    ):
        still = decode(data, DecodeLimits(), None)
        assert still.clip is None
        assert "first" in str(still.picture.notes[0])
        assert still.picture.png == decode_file(data).picture.png
