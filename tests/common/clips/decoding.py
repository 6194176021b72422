"""Moving files decoded, for tests to look at."""

from collections.abc import Sequence

import numpy as np

from common.clips.clip import Clip, read_clip
from common.clips.decode import decode
from common.pictures.kinds import ClipLimits, Decoded, DecodedClip, DecodeLimits

LOOKS = [(200, 40, 40), (40, 200, 40), (40, 40, 200), (230, 230, 230)]
"""Colors that a film keeps well."""


def decoded(data: bytes, **limits: float) -> Decoded:
    return decode(data, DecodeLimits(), ClipLimits(**limits))  # type: ignore[arg-type]


def made(data: bytes, **limits: float) -> tuple[Clip, DecodedClip]:
    clip = decoded(data, **limits).clip
    assert clip is not None
    read = read_clip(clip.file)
    assert (clip.frames, clip.seconds) == (len(read), read.seconds)
    assert (clip.width_px, clip.height_px) == read.size
    return read, clip


def at(clip: Clip, x: int = 0, y: int = 0) -> list[tuple[int, ...]]:
    """The color of a pixel on each frame."""
    return [tuple(np.asarray(frame)[y, x]) for frame in clip.frames()]


def near(found: Sequence[tuple[int, ...]], expected: Sequence[tuple[int, ...]], by: int) -> bool:
    return bool(np.abs(np.asarray(found, int) - np.asarray(expected, int)).max() <= by)
