"""The decoder's inputs and results; without heavy imports, for its callers."""

from dataclasses import dataclass

from common.errors import AtelierError
from common.sentences import ExplainedError, Sentence

MAX_ASPECT = 8.0
"""Ensures that a painting of 512 px is at least 64 px wide, the minimum for strokes."""


class PictureError(ExplainedError):
    """A picture cannot be used; the text tells its owner what is wrong and what to do."""


class DecoderUnavailableError(AtelierError):
    """The decoder cannot be run at the moment, whatever the picture."""


@dataclass(frozen=True)
class DecodeLimits:
    """What is accepted, and how large the result may be."""

    max_bytes: int = 25 * 1024 * 1024
    """The largest file that is accepted."""
    max_pixels: int = 100_000_000
    """Largest width × height, as declared in the file."""
    max_side_px: int = 4096
    """Longest side of the result; larger pictures are reduced."""
    min_side_px: int = 16
    """Smaller pictures are refused."""
    max_aspect: float = MAX_ASPECT
    """Largest ratio of the longest side to the shortest."""


@dataclass(frozen=True)
class NormalizedPicture:
    """A decoded picture in the form that later steps rely on."""

    png: bytes
    """The encoded picture: RGB or RGBA, 8 bits, sRGB, upright, no metadata."""
    width_px: int
    height_px: int
    has_alpha: bool
    notes: tuple[Sentence, ...] = ()
    """Notes for its owner about changes."""


@dataclass(frozen=True, slots=True)
class ClipLimits:
    """How much of a moving file is used; the rest is left out, not refused."""

    max_seconds: float = 6.0
    """Longer clips are cut."""
    max_frames_per_second: float = 12.0
    """Higher rates are thinned; the frames kept last longer."""
    max_side_px: int = 512
    """Longest side of the frames; larger ones are reduced."""

    @property
    def max_frames(self) -> int:
        """The largest number of frames."""
        return int(self.max_seconds * self.max_frames_per_second) + 2


@dataclass(frozen=True, slots=True)
class DecodedClip:
    """A moving file as a clip file (`common.clips.clip`), with its properties."""

    file: bytes
    width_px: int
    height_px: int
    frames: int
    seconds: float
    notes: tuple[Sentence, ...] = ()
    """Notes for its owner about what was left out."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file as a still picture and, if it moves and that was requested, as a clip."""

    picture: NormalizedPicture
    """For a moving file, its first frame."""
    clip: DecodedClip | None = None
