"""Films: MP4, MOV, WebM, Matroska. They are shown once."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from common.clips.timing import Moment, Motion
from common.pictures.checks import damaged
from common.pictures.kinds import DecodeLimits
from common.pictures.readers.film import about, opened

_MISSING_MS: Final = 500.0
_MISSING_SHARE: Final = 0.05
"""How much sooner than it says a film may end: its sound may be longer than its pictures."""


def read(data: bytes, limits: DecodeLimits) -> Motion:
    """The film; it may turn out to have one picture only."""
    said = about(data, limits)
    return Motion(
        _moments(data, limits, said.total_ms),
        plays=1,
        total_ms=said.total_ms,
        has_sound=said.has_sound,
    )


def _moments(data: bytes, limits: DecodeLimits, total_ms: float | None) -> Iterator[Moment]:
    began: float | None = None
    end_ms = 0.0
    with opened(data, limits) as film:
        for frame in film.frames():
            if frame.pts is None:
                continue
            began = frame.time if began is None else began
            start_ms, length_ms = 1000 * (frame.time - began), 1000 * film.seconds_of(frame)
            end_ms = start_ms + length_ms
            yield Moment(start_ms, length_ms, partial(film.raster, frame))
    # Matroska that breaks off simply ends.
    if total_ms is not None and total_ms - end_ms > max(_MISSING_MS, _MISSING_SHARE * total_ms):
        raise damaged()
