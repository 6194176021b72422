"""What goes into the decoder and what comes out of it; light, for those who only ask for it."""

from dataclasses import dataclass

from common.errors import AtelierError
from common.sentences import ExplainedError, Sentence

MAX_ASPECT = 8.0
"""A painting of 512 px is at least 64 px wide then: less holds no stroke."""


class PictureError(ExplainedError):
    """A picture that cannot be used; tells its owner what is wrong and what to do."""


class DecoderUnavailableError(AtelierError):
    """Nothing can be decoded at the moment, whatever the picture."""


@dataclass(frozen=True)
class DecodeLimits:
    """What is accepted, and how large the result may be."""

    max_bytes: int = 25 * 1024 * 1024
    """The largest file that is accepted."""
    max_pixels: int = 100_000_000
    """Largest picture by width × height as the file declares it."""
    max_side_px: int = 4096
    """Larger pictures are accepted, and reduced to this longest side."""
    min_side_px: int = 16
    """Smaller pictures hold nothing to paint."""
    max_aspect: float = MAX_ASPECT
    """Longest side divided by the shortest."""


@dataclass(frozen=True)
class NormalizedPicture:
    """A picture that every later step can rely on."""

    png: bytes
    """The encoded picture: RGB or RGBA, 8 bits, sRGB, upright, no metadata."""
    width_px: int
    height_px: int
    has_alpha: bool
    source_format: str
    """What the file was, as Pillow names it."""
    notes: tuple[Sentence, ...] = ()
    """What was changed that its owner may want to know."""


@dataclass(frozen=True, slots=True)
class ClipLimits:
    """How much of a moving file is taken; what is beyond is left out, never refused."""

    max_seconds: float = 6.0
    """The rest is cut off."""
    max_frames_per_second: float = 12.0
    """Frames that follow sooner are left out, and their time goes to those before."""
    max_side_px: int = 512
    """Larger frames are reduced to this longest side."""

    @property
    def max_frames(self) -> int:
        """How many frames there can be at most."""
        return int(self.max_seconds * self.max_frames_per_second) + 2


@dataclass(frozen=True, slots=True)
class DecodedClip:
    """A moving file as a clip file (`common.clips.clip`), and what is in that."""

    file: bytes
    width_px: int
    height_px: int
    frames: int
    seconds: float
    notes: tuple[Sentence, ...] = ()
    """What was left out that its owner may want to know."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file as a still picture and, where it moves and that was asked for, as a clip."""

    picture: NormalizedPicture
    """Of what moves, its first frame."""
    clip: DecodedClip | None = None
