"""Videos: MP4, MOV, WebM, Matroska. They play once."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from av.video.frame import VideoFrame

from common.clips.timing import Moment, Motion
from common.pictures.checks import damaged
from common.pictures.kinds import DecodeLimits
from common.pictures.readers.video import OpenVideo, about, opened

_MISSING_MS: Final = 500.0
_MISSING_SHARE: Final = 0.05
"""By how much of its declared duration a video may end early, as its sound may be longer."""


def read(data: bytes, limits: DecodeLimits) -> Motion:
    """The video; it may turn out to have a single frame."""
    said = about(data, limits)
    return Motion(
        _moments(data, limits, said.total_ms),
        plays=1,
        total_ms=said.total_ms,
        has_sound=said.has_sound,
    )


def _moments(data: bytes, limits: DecodeLimits, total_ms: float | None) -> Iterator[Moment]:
    end_ms = 0.0
    with opened(data, limits) as video:
        for start_ms, length_ms, frame in _timed(video):
            end_ms = start_ms + length_ms
            yield Moment(start_ms, length_ms, partial(video.raster, frame))
    # A truncated Matroska file ends without an error.
    if total_ms is not None and total_ms - end_ms > max(_MISSING_MS, _MISSING_SHARE * total_ms):
        raise damaged(is_video=True)


def _timed(video: OpenVideo) -> Iterator[tuple[float, float, VideoFrame]]:
    """Start and duration of each frame, lasting until the next, whatever the file declares.

    Declared durations are often those of another frame, or the mean.
    """
    frames = (frame for frame in video.frames() if frame.pts is not None)
    frame, problem = _next(frames)
    began = 0.0 if frame is None else frame.time
    while frame is not None:
        following, problem = _next(frames)
        lasts = video.seconds_of(frame) if following is None else following.time - frame.time
        yield 1000 * (frame.time - began), 1000 * max(0.0, lasts), frame
        frame = following
    if problem is not None:
        raise problem


def _next(frames: Iterator[VideoFrame]) -> tuple[VideoFrame | None, Exception | None]:
    """The next frame, or the error; the caller shows the previous frame before raising it."""
    try:
        return next(frames, None), None
    except Exception as problem:  # noqa: BLE001 - FFmpeg's and ours alike; it is raised later
        return None, problem
