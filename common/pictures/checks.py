"""Checks of a picture before its pixels are read, and their error messages."""

from common.pictures.kinds import DecodeLimits, PictureError
from common.sentences import Sentence


def check_size(size: tuple[int, int], limits: DecodeLimits, *, is_video: bool = False) -> None:
    """Check the width and height of a picture or a video.

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
            "That video has {width} × {height} pixels; at most {limit:.0f} MP are accepted. "
            "Please attach a smaller one.",
            width=width,
            height=height,
            limit=limit,
        )
    return PictureError(
        "That picture has {width} × {height} pixels; at most {limit:.0f} MP are accepted. "
        "Please attach a smaller one.",
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
    """The error for a valid file of an unsupported kind."""
    return PictureError(
        "That file is not a picture I can read: it is {kind}. Please attach a PNG, JPEG, WebP, "
        "GIF, BMP, TIFF, AVIF or HEIC file, or an MP4, MOV or WebM video.",
        kind=kind,
    )


def damaged(*, is_video: bool = False) -> PictureError:
    """The error for a truncated or invalid file."""
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
    """The error for a file that needs more memory than the decoder has."""
    if is_video:
        return PictureError(
            "That video needs too much memory to decode. Please attach a smaller one."
        )
    return PictureError(
        "That picture needs too much memory to decode. Please attach a smaller one."
    )
