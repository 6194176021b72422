"""When each frame of a moving file is shown, and which frames are kept.

Delays of 10 ms or less in picture files mean 100 ms, as in all browsers; those of videos are taken
literally.
**Which frames are kept:** a frame is kept if it is shown when one is due. The first is due at 0.
Each kept frame makes the next one due one period (1 / frames per second) after its own due time, so
that the mean rate is the limit's, but never sooner than half a period after the last kept frame. So
a brief flash between is left out, and what stays after it is kept. A kept frame begins when it did
in the file and lasts until the next kept one begins, so the timing stays true; a file that is slow
enough keeps all frames. Frames equal to the previous one are merged with it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Protocol

from PIL import ImageFile

from common.pictures.kinds import ClipLimits, PictureError
from common.pictures.raster import Raster

_TOO_SHORT_MS: Final = 10
_INSTEAD_MS: Final = 100
_ROUNDING_MS: Final = 1.0
"""Tolerance for early frames, since formats round their times."""
_SHOWN_BEHIND_DUE: Final = 1 / 8
"""Fraction of a period for which an early frame must still be shown after one is due. Less is
rounding, or a rate that is nearly a multiple of the limit's (23.976)."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A frame of a moving file, and its duration."""

    start_ms: float
    duration_ms: float
    raster: Callable[[], Raster]
    """Returns its pixels; call it before advancing to the next moment."""


@dataclass(frozen=True, slots=True)
class Motion:
    """A moving file being read."""

    moments: Iterator[Moment]
    """In order; raises any error where the file is truncated."""
    plays: int
    """Number of plays; 0: forever."""
    total_ms: float | None = None
    """Declared duration; None if unknown."""
    has_sound: bool = False


class Pictures(Protocol):
    """Receives the kept frames, such as a list."""

    def append(self, picture: bytes, /) -> None:
        """Append a frame."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[bytes]: ...


@dataclass(frozen=True, slots=True)
class Sampled:
    """The result of sampling, besides the frames."""

    durations_ms: tuple[int, ...]
    is_cut: bool
    """Whether the file is longer than the limit."""
    is_broken: bool
    """Whether the file is truncated."""


def browser_delay_ms(delay_ms: float) -> float:
    """The duration that browsers use for a frame with this delay."""
    return _INSTEAD_MS if delay_ms <= _TOO_SHORT_MS else delay_ms


def moments_of(image: ImageFile.ImageFile, raster: Callable[[], Raster]) -> Iterator[Moment]:
    """The frames of an open Pillow file; `raster` returns the pixels of the current one."""
    start_ms = 0.0
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        image.load()
        duration_ms = browser_delay_ms(float(image.info.get("duration", 0)))
        yield Moment(start_ms, duration_ms, raster)
        start_ms += duration_ms


def sampled(
    motion: Motion, limits: ClipLimits, render: Callable[[Raster], bytes], pictures: Pictures
) -> Sampled:
    """Collect the frames to keep, as described in the module.

    Args:
        motion: The file.
        limits: How much is kept.
        render: Encodes a frame; called for kept frames only.
        pictures: Receives them; must be empty.

    Raises:
        Exception: the reader's error, if there is not a single frame.
    """
    period_ms, most_ms = 1000 / limits.max_frames_per_second, 1000 * limits.max_seconds
    starts: list[float] = []
    last = b""
    due_ms, kept_at, end_ms = 0.0, float("-inf"), 0.0
    is_cut = is_broken = False
    try:
        for moment in motion.moments:
            start_ms = moment.start_ms
            if start_ms >= most_ms - _ROUNDING_MS and starts:
                is_cut = True
                break
            end_ms = start_ms + moment.duration_ms
            wanted_ms = max(due_ms, kept_at + period_ms / 2)
            too_soon = start_ms < wanted_ms - _ROUNDING_MS
            is_over = min(end_ms, most_ms) <= wanted_ms + period_ms * _SHOWN_BEHIND_DUE
            if too_soon and is_over and starts:
                continue
            # After a pause, later frames do not catch up.
            due_ms = (due_ms if start_ms - due_ms <= period_ms else start_ms) + period_ms
            kept_at = start_ms
            picture = render(moment.raster())
            if not starts or picture != last:
                pictures.append(picture)
                starts.append(start_ms)
                last = picture
    except MemoryError:
        raise
    except Exception:
        if not starts:
            raise
        is_broken = True
    if end_ms > most_ms + _ROUNDING_MS:
        end_ms, is_cut = most_ms, True
    if not starts:
        raise PictureError("That file has no picture in it. Please attach another one.")
    return Sampled(_durations(starts, end_ms), is_cut, is_broken)


def _durations(starts: list[float], end_ms: float) -> tuple[int, ...]:
    """Durations in whole milliseconds, without accumulating rounding errors."""
    moments = [round(start) for start in (*starts, end_ms)]
    return tuple(max(1, following - moment) for moment, following in pairwise(moments))
