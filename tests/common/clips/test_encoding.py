"""Clips encoded as GIF, MP4 and WebP keep their times and colors."""

import io
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from PIL import Image, ImageDraw

from common.clips.clip import Clip, ClipDamagedError, read_clip, write_clip
from common.clips.decode import decode
from common.clips.encoding import CLIP_KINDS, ClipKind, encode_clip
from common.pictures.kinds import ClipLimits, DecodeLimits

TIMES_MS = (40, 83, 84, 83, 120, 333)


def textured_image() -> Image.Image:
    small = np.random.default_rng(1).integers(60, 200, (8, 10, 3), np.uint8)
    return Image.fromarray(small).resize((65, 47), Image.Resampling.BICUBIC)


def moving_frames(mode: str = "RGB") -> list[Image.Image]:
    frames = []
    for number in range(len(TIMES_MS)):
        frame = textured_image()
        ImageDraw.Draw(frame).rectangle((4 + 6 * number, 4, 12 + 6 * number, 16), (250, 20, 20))
        if mode == "RGBA":
            frame.putalpha(Image.new("L", frame.size, 255))
            frame.paste((0, 0, 0, 0), (0, 30, 65, 47))
        frames.append(frame)
    return frames


def make_clip(
    frames: Sequence[Image.Image], times_ms: Sequence[int] = TIMES_MS, *, plays: int = 0
) -> Clip:
    file = io.BytesIO()
    write_clip(file, frames, times_ms, plays=plays, source="GIF")
    return read_clip(file.getvalue())


def encode(clip: Clip, kind: ClipKind, folder: Path, **more: float) -> bytes:
    path = folder / f"it.{kind}"
    encode_clip(clip, path, kind, **more)  # type: ignore[arg-type]  # (keywords of `encode_clip`)
    return path.read_bytes()


def decode_clip(data: bytes) -> Clip:
    limits = ClipLimits(max_seconds=60, max_frames_per_second=1000)
    decoded = decode(data, DecodeLimits(), limits).clip
    assert decoded is not None
    return read_clip(decoded.file)


@pytest.mark.parametrize("kind", CLIP_KINDS)
def test_encoded_frames_keep_their_times_and_colors(kind: ClipKind, tmp_path: Path) -> None:
    frames = moving_frames()
    decoded = decode_clip(encode(make_clip(frames), kind, tmp_path))
    assert len(decoded) == len(frames)
    if kind == "gif":  # in 1/100 s, without an accumulating error
        assert decoded.durations_ms == (40, 80, 90, 80, 120, 330)
    else:
        assert decoded.durations_ms == TIMES_MS
    for frame, shown in zip(frames, decoded.frames(), strict=True):
        pixels = np.asarray(shown.convert("RGB"), np.int16)[:47, :65]
        difference = np.abs(pixels - np.asarray(frame, np.int16))
        assert difference.mean() < 8
        assert abs(float((pixels - np.asarray(frame, np.int16)).mean())) < 1.5


@pytest.mark.parametrize("kind", ["gif", "webp"])
@pytest.mark.parametrize("plays", [0, 1, 3])
def test_encoded_clip_loops_as_often_as_its_source(
    kind: ClipKind, plays: int, tmp_path: Path
) -> None:
    assert (
        decode_clip(encode(make_clip(moving_frames(), plays=plays), kind, tmp_path)).plays == plays
    )


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_clip_that_loops_more_often_than_a_format_can_say_is_encoded(
    kind: ClipKind, tmp_path: Path
) -> None:
    """As an animated PNG, which has 32 bits for it."""
    clip = make_clip(moving_frames(), plays=2**32 - 1)
    assert decode_clip(encode(clip, kind, tmp_path)).plays >= 0xFFFF


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_transparent_pixels_stay_transparent(kind: ClipKind, tmp_path: Path) -> None:
    decoded = decode_clip(encode(make_clip(moving_frames(mode="RGBA")), kind, tmp_path))
    for frame in decoded.frames():
        alpha = np.asarray(frame.getchannel("A"))
        assert (alpha[31:] == 0).all()
        assert (alpha[:29] == 255).all()


def test_mp4_shows_white_where_the_clip_is_transparent(tmp_path: Path) -> None:
    decoded = decode_clip(encode(make_clip(moving_frames(mode="RGBA")), "mp4", tmp_path))
    assert np.asarray(decoded.frame(2).convert("RGB"))[34:].min() > 245


def test_gif_pixels_do_not_change_where_nothing_moves(tmp_path: Path) -> None:
    decoded = decode_clip(encode(make_clip(moving_frames()), "gif", tmp_path))
    first, last = (
        np.asarray(decoded.frame(number).convert("RGB")) for number in (0, len(decoded) - 1)
    )
    assert (first[20:] == last[20:]).all()


def test_mp4_has_color_tags_and_its_index_at_the_start(tmp_path: Path) -> None:
    data = encode(make_clip(moving_frames()), "mp4", tmp_path)
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(io.BytesIO(data)) as film:
        context = film.streams.video[0].codec_context
        assert (context.width, context.height) == (66, 48)
        assert context.pix_fmt == "yuv420p"
        assert context.colorspace == Colorspace.ITU601
        assert context.color_range == ColorRange.MPEG
        assert context.color_primaries == ColorPrimaries.BT709
        assert context.color_trc == ColorTrc.IEC61966_2_1


@pytest.mark.parametrize("kind", CLIP_KINDS)
def test_less_quality_and_smaller_frames_make_smaller_files(kind: ClipKind, tmp_path: Path) -> None:
    noisy = [
        Image.fromarray(np.random.default_rng(seed).integers(0, 255, (96, 128, 3), np.uint8))
        for seed in range(3)
    ]
    clip = make_clip(noisy, (100, 100, 100))
    full = encode(clip, kind, tmp_path)
    assert len(encode(clip, kind, tmp_path, quality=0.3)) < len(full)
    small = encode(clip, kind, tmp_path, max_side_px=64)
    assert len(small) < len(full) / 2
    assert decode_clip(small).size == (64, 48)


@pytest.mark.parametrize("kind", CLIP_KINDS)
@pytest.mark.parametrize("size", [(1, 1), (1, 31)])
def test_one_frame_or_one_pixel_wide_clips_are_encoded(
    kind: ClipKind, size: tuple[int, int], tmp_path: Path
) -> None:
    frames = [Image.new("RGB", size, (200, 30, 30)), Image.new("RGB", size, (30, 30, 200))]
    for count in (1, 2):
        data = encode(make_clip(frames[:count], (100,) * count), kind, tmp_path)
        if kind == "mp4":
            with av.open(io.BytesIO(data), "r") as film:
                shown = next(film.decode(video=0)).to_ndarray(format="rgb24")
        else:
            shown = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        assert abs(int(shown[0, 0, 0]) - 200) < 25


@pytest.mark.parametrize(
    ("times", "seconds"), [((16, 17, 17) * 6, 0.3), ((8,) * 25, 0.2), ((11, 500), 0.51)]
)
def test_gif_keeps_its_total_duration_when_frames_are_too_short(
    times: tuple[int, ...], seconds: float, tmp_path: Path
) -> None:
    colors = [Image.new("RGB", (32, 24), (9 * n, 90, 250 - 9 * n)) for n in range(len(times))]
    decoded = decode_clip(encode(make_clip(colors, times), "gif", tmp_path))
    assert (decoded.seconds, min(decoded.durations_ms)) == (seconds, 20)


def test_gif_of_equal_frames_keeps_each_duration(tmp_path: Path) -> None:
    same = [textured_image()] * 3
    gif = Image.open(io.BytesIO(encode(make_clip(same, (100, 200, 300)), "gif", tmp_path)))
    times = []
    for number in range(gif.n_frames):  # type: ignore[attr-defined]  # (GIF only)
        gif.seek(number)
        times.append(gif.info["duration"])
    assert times == [100, 200, 300]


def test_encoding_a_damaged_clip_raises_clip_damaged(tmp_path: Path) -> None:
    whole = io.BytesIO()
    write_clip(whole, moving_frames(), TIMES_MS, source="GIF")
    data = bytearray(whole.getvalue())
    data[data.index(b"IDAT") + 20] ^= 0xFF
    with pytest.raises(ClipDamagedError):
        encode_clip(read_clip(bytes(data)), tmp_path / "it.gif", "gif")


@pytest.mark.parametrize("kind", CLIP_KINDS)
def test_encoding_can_be_interrupted_at_each_frame(kind: ClipKind, tmp_path: Path) -> None:
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        encode_clip(make_clip(moving_frames()), tmp_path / f"it.{kind}", kind, check=check)
    assert calls == 3
