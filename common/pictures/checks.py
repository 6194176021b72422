"""What is refused of a picture before its pixels are read, and in which words."""

from common.pictures.kinds import DecodeLimits, PictureError
from common.sentences import Sentence


def check_size(size: tuple[int, int], limits: DecodeLimits) -> None:
    """See whether a picture of this width and height is accepted.

    Raises:
        PictureError: if it is too large, too small or too narrow.
    """
    width, height = size
    if width * height > limits.max_pixels:
        raise PictureError(
            "That picture has {width} × {height} pixels; at most {limit:.0f} megapixels are "
            "accepted. Please attach a smaller one.",
            width=width,
            height=height,
            limit=limits.max_pixels / 1e6,
        )
    if min(size) < limits.min_side_px:
        raise PictureError(
            "That picture has only {width} × {height} pixels; each side needs at least {limit}. "
            "Please attach a larger one.",
            width=width,
            height=height,
            limit=limits.min_side_px,
        )
    if max(size) > limits.max_aspect * min(size):
        raise PictureError(
            "That picture is too narrow ({width} × {height}): one side may be at most "
            "{limit:.0f} times the other. Please crop it.",
            width=width,
            height=height,
            limit=limits.max_aspect,
        )


def unreadable(kind: Sentence) -> PictureError:
    """A file that is whole, and of a kind that is not read here."""
    return PictureError(
        "That file is not a picture I can read: it is {kind}. Please attach a PNG, JPEG, WebP, "
        "GIF, BMP, TIFF, AVIF or HEIC file, or an MP4, MOV or WebM video.",
        kind=kind,
    )


def damaged() -> PictureError:
    """A file that breaks off, or says what cannot be."""
    return PictureError(
        "That picture is damaged or incomplete: it could not be decoded. "
        "Please save it again or attach another one."
    )


def needs_too_much_memory() -> PictureError:
    """A file whose pixels are more than the decoder may hold."""
    return PictureError(
        "That picture needs too much memory to decode. Please attach a smaller one."
    )
