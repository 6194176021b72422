"""What goes into the decoder and what comes out of it; light, for those who only ask for it."""

from dataclasses import dataclass

from common.errors import AtelierError
from common.sentences import Problem, Sentence

MAX_ASPECT = 8.0
"""A painting of 512 px is at least 64 px wide then: less holds no stroke."""


class PictureProblem(Problem):
    """A picture that cannot be used; tells its owner what is wrong and what to do."""


class DecoderUnavailable(AtelierError):
    """Nothing can be decoded at the moment, whatever the picture."""


@dataclass(frozen=True)
class DecodeLimits:
    """What is accepted, and how large the result may be.

    Attributes:
        max_bytes: Largest file.
        max_pixels: Largest picture by width × height as the file declares it.
        max_side_px: Larger pictures are accepted, and reduced to this longest side.
        min_side_px: Smaller pictures hold nothing to paint.
        max_aspect: Longest side divided by the shortest.
    """

    max_bytes: int = 25 * 1024 * 1024
    max_pixels: int = 100_000_000
    max_side_px: int = 4096
    min_side_px: int = 16
    max_aspect: float = MAX_ASPECT


@dataclass(frozen=True)
class NormalisedPicture:
    """A picture that every later step can rely on.

    Attributes:
        png: The encoded picture: RGB or RGBA, 8 bits, sRGB, upright, no metadata.
        source_format: What the file was, as Pillow names it.
        notes: What was changed that its owner may want to know.
    """

    png: bytes
    width_px: int
    height_px: int
    has_alpha: bool
    source_format: str
    notes: tuple[Sentence, ...] = ()
