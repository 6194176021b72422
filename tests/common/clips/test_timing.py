"""Which frames of an animation or video are kept, and for how long each is shown."""

import itertools

import pytest

from common.pictures.kinds import ClipLimits
from tests.common.clips.decoding import VIDEO_COLORS, colors_match, decode_clip, pixel_colors
from tests.common.clips.files import BLUE, GREEN, RED, GifFrame, gif, make_video, solid_frame


@pytest.mark.parametrize(
    ("rate", "count", "durations"),
    [
        (10, 5, {100}),
        (12, 12, {83, 84}),
        (15, 15, {66, 67, 133, 134}),
        (24, 24, {83, 84}),
        (25, 25, {80, 120}),
        (30, 30, {66, 67, 100}),
        (60, 60, {83, 84}),
    ],
)
def test_fast_video_keeps_its_duration_with_fewer_frames(
    rate: int, count: int, durations: set[int]
) -> None:
    frames = [solid_frame(((count * 7 + 37 * number) % 250, 90, 60)) for number in range(count)]
    clip, _ = decode_clip(make_video(frames, rate=rate))
    assert set(clip.durations_ms[:-1]) <= durations
    assert len(clip) <= 13
    assert abs(clip.seconds - count / rate) < 0.03


def test_clip_is_cut_and_scaled_to_the_limits_with_a_note() -> None:
    frames = [GifFrame(number % 3, 50, box=(0, 0, 64, 48)) for number in range(20)]
    clip, description = decode_clip(gif(frames, canvas=(64, 48)), max_seconds=3.2, max_side_px=16)
    assert clip.size == (16, 12)
    assert clip.durations_ms == (500, 500, 500, 500, 500, 500, 200)
    assert [str(note) for note in description.notes] == ["It lasts 10.0 s; I used the first 3.2 s."]


def test_thousand_frames_are_reduced_to_the_limit() -> None:
    frames = [GifFrame(number % 3, 2) for number in range(1000)]
    clip, description = decode_clip(gif(frames))
    assert clip.seconds == 6.0
    assert len(clip) <= ClipLimits().max_frames
    assert [str(note) for note in description.notes] == ["It lasts 20.0 s; I used the first 6 s."]


def test_frame_rate_limit_holds_after_a_long_frame() -> None:
    delays = [100, *itertools.repeat(2, 50)]
    frames = [GifFrame(number % 3, delay) for number, delay in enumerate(delays)]
    clip, _ = decode_clip(gif(frames))
    assert clip.durations_ms[0] == 1000
    assert min(clip.durations_ms[1:-1]) >= 42


def test_long_frame_is_kept_however_soon_after_another() -> None:
    """Otherwise eyes that blink would stay shut until the next blink."""
    open_, shut = GifFrame(0, 100), GifFrame(1, 5)
    clip, _ = decode_clip(gif([open_, shut, open_, shut]))
    assert (pixel_colors(clip), clip.durations_ms) == (
        [RED, GREEN, RED, GREEN],
        (1000, 50, 1000, 50),
    )
    quick = [GifFrame(number % 2, 4) for number in range(6)]
    clip, _ = decode_clip(gif([*quick, GifFrame(2, 200)]))
    assert (pixel_colors(clip)[-1], clip.durations_ms[-1], clip.seconds) == (BLUE, 2000, 2.24)


def test_brief_flashes_are_dropped_rather_than_longer_frames() -> None:
    frames = [GifFrame(number % 2, 10 if number % 2 else 2) for number in range(20)]
    clip, _ = decode_clip(gif(frames))
    times = dict.fromkeys((RED, GREEN), 0)
    for color, duration in zip(pixel_colors(clip), clip.durations_ms, strict=True):
        times[color[0], color[1], color[2]] += duration
    assert times[GREEN] > 3 * times[RED]
    assert len(clip) <= 16


@pytest.mark.parametrize("kind", ["mp4", "matroska"])
def test_video_frame_lasts_until_the_next(kind: str) -> None:
    starts = [0, 1000, 1050, 3000]
    clip, _ = decode_clip(
        make_video([solid_frame(look) for look in VIDEO_COLORS], kind=kind, starts_ms=starts)
    )
    assert clip.durations_ms[:3] == (1000, 50, 1950)
    assert colors_match(pixel_colors(clip, 30, 20), VIDEO_COLORS, 5)
