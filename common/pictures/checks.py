"""What is refused of a picture before its pixels are read, and in which words."""

from common.pictures.kinds import DecodeLimits, PictureError
from common.sentences import Sentence


def check_size(size: tuple[int, int], limits: DecodeLimits, *, is_video: bool = False) -> None:
    """See whether a picture or a video of this width and height is accepted.

    Raises:
        PictureError: if it is too large, too small or too narrow.
    """
    width, height = size
    if width * height > limits.max_pixels:
        raise _too_large(width, height, limits.max_pixels / 1e6, is_video=is_video)
    if min(size) < limits.min_side_px:
        raise _too_small(width, height, limits.min_side_px, is_video=is_video)
    if max(size) > limits.max_aspect * min(size):
        raise _too_narrow(width, height, limits.max_aspect, is_video=is_video)


def _too_large(width: int, height: int, limit: float, *, is_video: bool) -> PictureError:
    if is_video:
        return PictureError(
            "That video has {width} × {height} pixels; at most {limit:.0f} megapixels are "
            "accepted. Please attach a smaller one.",
            width=width,
            height=height,
            limit=limit,
        )
    return PictureError(
        "That picture has {width} × {height} pixels; at most {limit:.0f} megapixels are "
        "accepted. Please attach a smaller one.",
        width=width,
        height=height,
        limit=limit,
    )


def _too_small(width: int, height: int, limit: int, *, is_video: bool) -> PictureError:
    if is_video:
        return PictureError(
            "That video has only {width} × {height} pixels; each side needs at least {limit}. "
            "Please attach a larger one.",
            width=width,
            height=height,
            limit=limit,
        )
    return PictureError(
        "That picture has only {width} × {height} pixels; each side needs at least {limit}. "
        "Please attach a larger one.",
        width=width,
        height=height,
        limit=limit,
    )


def _too_narrow(width: int, height: int, limit: float, *, is_video: bool) -> PictureError:
    if is_video:
        return PictureError(
            "That video is too narrow ({width} × {height}): one side may be at most "
            "{limit:.0f} times the other. Please crop it.",
            width=width,
            height=height,
            limit=limit,
        )
    return PictureError(
        "That picture is too narrow ({width} × {height}): one side may be at most "
        "{limit:.0f} times the other. Please crop it.",
        width=width,
        height=height,
        limit=limit,
    )


def unreadable(kind: Sentence) -> PictureError:
    """A file that is whole, and of a kind that is not read here."""
    return PictureError(
        "That file is not a picture I can read: it is {kind}. Please attach a PNG, JPEG, WebP, "
        "GIF, BMP, TIFF, AVIF or HEIC file, or an MP4, MOV or WebM video.",
        kind=kind,
    )


def damaged(*, is_video: bool = False) -> PictureError:
    """A file that breaks off, or says what cannot be."""
    if is_video:
        return PictureError(
            "That video is damaged or incomplete: it could not be decoded. "
            "Please save it again or attach another one."
        )
    return PictureError(
        "That picture is damaged or incomplete: it could not be decoded. "
        "Please save it again or attach another one."
    )


def needs_too_much_memory(*, is_video: bool = False) -> PictureError:
    """A file whose pixels are more than the decoder may hold."""
    if is_video:
        return PictureError(
            "That video needs too much memory to decode. Please attach a smaller one."
        )
    return PictureError(
        "That picture needs too much memory to decode. Please attach a smaller one."
    )
