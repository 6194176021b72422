"""Encoding clips in the child process: fitted to an upload limit, or side by side."""

import io
from collections.abc import Iterator
from itertools import pairwise

from PIL import Image

from bot.pictures.encoded import Encoded
from common.clips.clip import Clip, read_clip, write_clip
from common.clips.encoding import encode_clip
from common.pictures.white import on_white

QUALITIES = (1.0, 0.75, 0.5, 0.25)
SHRINK = 0.75
LEAST_SIDE_PX = 32
COMPARE_MAX_WIDTH_PX = 1280
GAP_PX = 8
LEAST_SECONDS = 4.0
"""Shorter comparisons are repeated up to this, as Discord plays a video once."""


def fit_clip(clip: bytes, limit_bytes: int) -> Encoded:
    """The best MP4 of at most `limit_bytes`; scaled down only if nothing else helps."""
    return _fitted(read_clip(clip), limit_bytes)


def compare_clips(before: bytes, after: bytes, limit_bytes: int) -> Encoded:
    """Two clips side by side as an MP4, at the same height and each at its own frame rate.

    The shorter clip keeps its last frame until the longer one ends.
    """
    clips = read_clip(before), read_clip(after)
    moments = _moments(clips)
    rounds = max(1, round(LEAST_SECONDS * 1000 / moments[-1]))
    durations = [end - start for start, end in pairwise(moments)] * rounds
    file = io.BytesIO()
    write_clip(file, _side_by_side(clips, moments[:-1], rounds), durations, plays=1)
    return _fitted(read_clip(file.getvalue()), limit_bytes)


def _fitted(clip: Clip, limit_bytes: int) -> Encoded:
    longest = side = max(clip.size)
    while True:
        for quality in QUALITIES:
            file = io.BytesIO()
            encode_clip(clip, file, "mp4", max_side_px=side, quality=quality)
            if file.tell() <= limit_bytes or side <= LEAST_SIDE_PX:
                share = side / longest
                width, height = (max(1, round(each * share)) for each in clip.size)
                return Encoded(
                    file.getvalue(), ".mp4", round(100 * quality), width, height, side < longest
                )
        side = round(side * SHRINK)


def _moments(clips: tuple[Clip, ...]) -> list[int]:
    """When a frame of either clip begins, in milliseconds, and when the longer one ends."""
    found = {0}
    for clip in clips:
        at = 0
        for duration in clip.durations_ms:
            at += duration
            found.add(at)
    return sorted(found)


def _side_by_side(
    clips: tuple[Clip, ...], moments: list[int], rounds: int
) -> Iterator[Image.Image]:
    height = max(clip.size[1] for clip in clips)
    widths = [max(1, round(clip.size[0] * height / clip.size[1])) for clip in clips]
    shrink = min(1.0, COMPARE_MAX_WIDTH_PX / (sum(widths) + GAP_PX))
    height = max(1, int(height * shrink))
    sizes = [(max(1, int(width * shrink)), height) for width in widths]
    for _round in range(rounds):
        shown = [_at(clip, moments) for clip in clips]
        for _moment in moments:
            sheet = Image.new("RGB", (sum(size[0] for size in sizes) + GAP_PX, height), "white")
            left = 0
            for frames, size in zip(shown, sizes, strict=True):
                sheet.paste(next(frames).resize(size, Image.Resampling.LANCZOS), (left, 0))
                left += size[0] + GAP_PX
            yield sheet


def _at(clip: Clip, moments: list[int]) -> Iterator[Image.Image]:
    """The frame of a clip at each timestamp; after its end the last one."""
    frames, ends = clip.frames(), iter(clip.durations_ms)
    shown, end = on_white(next(frames)), next(ends)
    for moment in moments:
        while moment >= end and (following := next(frames, None)) is not None:
            shown, end = on_white(following), end + next(ends)
        yield shown
