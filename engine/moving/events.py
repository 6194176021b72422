"""The events of painting a clip."""

from collections.abc import Callable
from dataclasses import dataclass, field

from PIL import Image

from engine.painting import Event, Report


@dataclass(frozen=True)
class FrameStepped:
    """One iteration of a frame is done."""

    frame: int
    """Number of the frame, from 1."""
    frames: int
    """Number of frames."""
    fraction: float
    """Estimated share of the whole cost; a cut takes longer."""
    seconds_left: float | None
    """Estimated from the frames so far; None at first."""
    preview: Callable[[int], Image.Image] = field(repr=False)
    """The frame so far, its longer side at most this many pixels; call it before the next event."""


@dataclass(frozen=True)
class FramePainted:
    """A frame is finished, and painting can be resumed after it."""

    frame: int
    """Number of the frame, from 1."""
    frames: int
    fraction: float
    seconds_left: float | None
    anew: bool
    """Whether it was painted like a single picture: the first one, and the first after a cut."""
    checkpoint: Callable[[], bytes] = field(repr=False)
    """The state to resume from, besides the painted frames. To be called before the next event is
    requested.
    """
    preview: Callable[[int], list[Image.Image]] = field(repr=False)
    """The newest frames, as a short loop; likewise."""


@dataclass(frozen=True)
class ClipPainted:
    """All frames are finished."""

    report: Report
    anew: tuple[int, ...]
    """Numbers of the frames that were painted like single pictures, from 1."""
    copied: int
    """Number of frames that are copies of the one before."""


ClipEvent = Event | FrameStepped | FramePainted | ClipPainted
