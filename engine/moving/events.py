"""What is told of a moving picture while it is painted."""

from collections.abc import Callable
from dataclasses import dataclass, field

from PIL import Image

from engine.painting import Event, Report


@dataclass(frozen=True)
class FrameStepped:
    """One iteration of a frame is done."""

    frame: int
    """The frame that is painted, from 1."""
    frames: int
    """How many there are."""
    fraction: float
    """Share of the whole work, as far as it can be known: a cut takes longer."""
    seconds_left: float | None
    """Guessed from the work so far; None at first."""
    preview: Callable[[int], Image.Image] = field(repr=False)
    """The frame so far with its longer side at most this many pixels; only until the next event."""


@dataclass(frozen=True)
class FramePainted:
    """A frame is done, and can be gone on from."""

    frame: int
    """The frame, from 1."""
    frames: int
    fraction: float
    seconds_left: float | None
    anew: bool
    """Whether it was begun like a picture alone: the first one, and the first after a cut."""
    checkpoint: Callable[[], bytes] = field(repr=False)
    """What is needed to go on from here, beside the painted frames; only until the next event is
    asked for.
    """
    preview: Callable[[int], list[Image.Image]] = field(repr=False)
    """The newest frames, a short loop of what is done; likewise."""


@dataclass(frozen=True)
class ClipPainted:
    """All frames are done."""

    report: Report
    anew: tuple[int, ...]
    """The frames that were begun anew, from 1."""
    copied: int
    """How many were the one before them."""


ClipEvent = Event | FrameStepped | FramePainted | ClipPainted
