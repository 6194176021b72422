"""When each frame of a moving file is shown, and which of them are kept.

A delay of a picture's frame of 10 ms or less means 100 ms, as in all browsers; films say what they
mean. **Which frames are kept:** a frame that is due, or is shown when one is. The first is due at
0, and each that is kept makes the next due a period (1 / frames per second) after it was due
itself, so that the mean rate is the limit's, and never sooner than half a period after the last one
that was kept. What only flashes up between is left out, and what stays after a flash is kept. Each
that is kept begins when it began in the file, and lasts until the next one does, so the timing of
what moves stays true; a file that is slow enough keeps all of its frames. Frames that are equal to
the one before are one with it.
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
"""How much too soon a frame may come: formats round their times."""
_SHOWN_BEHIND_DUE: Final = 1 / 8
"""Parts of a period by which a frame that comes too soon must be shown beyond the moment when one
is due: less is rounding, or a rate that is nearly a multiple of the limit's (23.976).
"""


@dataclass(frozen=True, slots=True)
class Moment:
    """A frame of a moving file, and when it is shown."""

    start_ms: float
    duration_ms: float
    raster: Callable[[], Raster]
    """Its pixels; to be called before the next moment is asked for."""


@dataclass(frozen=True, slots=True)
class Motion:
    """A moving file that is being read."""

    moments: Iterator[Moment]
    """In their order; raises whatever it likes where the file breaks off."""
    plays: int
    """How often it is shown; 0: for ever."""
    total_ms: float | None = None
    """How long the file says that it lasts."""
    has_sound: bool = False


class Pictures(Protocol):
    """Where the frames that are kept are put, such as a list."""

    def append(self, picture: bytes, /) -> None:
        """One more."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[bytes]: ...


@dataclass(frozen=True, slots=True)
class Sampled:
    """What is kept of a moving file, beside the pictures."""

    durations_ms: tuple[int, ...]
    is_cut: bool
    """Whether it would have gone on behind the limit."""
    is_broken: bool
    """Whether the file breaks off."""


def browser_delay_ms(delay_ms: float) -> float:
    """How long a frame of a picture file is shown that asks for this long."""
    return _INSTEAD_MS if delay_ms <= _TOO_SHORT_MS else delay_ms


def moments_of(image: ImageFile.ImageFile, raster: Callable[[], Raster]) -> Iterator[Moment]:
    """The frames of a file that Pillow goes through; `raster` makes one of the current one."""
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
    """Put the frames aside that are kept, as the module says.

    Args:
        motion: What is read.
        limits: How much of it is kept.
        render: Makes a picture of a frame's pixels; called for those that are kept only.
        pictures: Takes them, and is empty.

    Raises:
        Exception: there is not a single frame; whatever the reader raised.
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
            # After a pause those that follow are not made up for it.
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
    """Whole milliseconds from each to the next, whose sum is the whole without drift."""
    moments = [round(start) for start in (*starts, end_ms)]
    return tuple(max(1, following - moment) for moment, following in pairwise(moments))
