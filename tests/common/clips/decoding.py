"""Decodes animations and videos, for tests of the result."""

from collections.abc import Sequence

import numpy as np

from common.clips.clip import Clip, read_clip
from common.clips.decode import decode
from common.pictures.kinds import ClipLimits, Decoded, DecodedClip, DecodeLimits

CODECS = [("mp4", "libx264"), ("mov", "libx264"), ("webm", "libvpx-vp9"), ("matroska", "libx264")]
VIDEO_COLORS = [(200, 40, 40), (40, 200, 40), (40, 40, 200), (230, 230, 230)]
"""Colors that video codecs keep within a few levels."""


def decode_file(data: bytes, **limits: float) -> Decoded:
    """Decode with these fields of `ClipLimits`."""
    return decode(data, DecodeLimits(), ClipLimits(**limits))  # type: ignore[arg-type]


def decode_clip(data: bytes, **limits: float) -> tuple[Clip, DecodedClip]:
    """Decode a moving file; checks that the description fits the clip."""
    clip = decode_file(data, **limits).clip
    assert clip is not None
    read = read_clip(clip.file)
    assert (clip.frames, clip.seconds) == (len(read), read.seconds)
    assert (clip.width_px, clip.height_px) == read.size
    return read, clip


def pixel_colors(clip: Clip, x: int = 0, y: int = 0) -> list[tuple[int, ...]]:
    """The color of a pixel on each frame."""
    return [tuple(np.asarray(frame)[y, x]) for frame in clip.frames()]


def colors_match(
    found: Sequence[tuple[int, ...]], expected: Sequence[tuple[int, ...]], by: int
) -> bool:
    return bool(np.abs(np.asarray(found, int) - np.asarray(expected, int)).max() <= by)
