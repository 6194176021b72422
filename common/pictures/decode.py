"""Decodes an untrusted picture file to an upright 8-bit sRGB PNG without metadata.

A reader makes a raster of the file, which is reduced, converted to sRGB, rotated and encoded.
"""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Final

import numpy as np
from PIL import Image

from common.pictures.checks import damaged, needs_too_much_memory, unreadable
from common.pictures.color import Bytes, to_srgb
from common.pictures.encode import encoded_png
from common.pictures.kinds import DecodeLimits, NormalizedPicture, PictureError
from common.pictures.raster import Raster
from common.pictures.readers.formats import Format, format_of, kind_of
from common.pictures.reducing import boxed, resized
from common.sentences import Sentence

_BARELY_VISIBLE: Final = 3
_OUT_OF_MEMORY: Final = (
    "out of memory",
    "memory allocation",
    "cannot allocate",
    "unable to allocate",
)


class InvisibleError(PictureError):
    """A picture is entirely transparent."""


def normalize(data: bytes, limits: DecodeLimits | None = None) -> NormalizedPicture:
    """Decode a file to the form that the painter takes.

    Untrusted files must be decoded in a separate process: see `DecoderPool`.

    Raises:
        PictureError: if the file is not a picture, is damaged, or exceeds a limit.
    """
    limits = limits or DecodeLimits()
    if not data:
        raise PictureError("That file is empty. Please attach it again.")
    check_bytes(len(data), limits)
    found = format_of(data)
    if found is None:
        kind = kind_of(data)
        if kind is not None:
            raise unreadable(kind)
        raise PictureError(
            "That file is not a picture I can read. Please attach a PNG, JPEG, WebP, GIF, BMP, "
            "TIFF, AVIF or HEIC file, or an MP4, MOV or WebM video."
        )
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # about metadata, which is dropped
        return _normalize(data, found, limits)


def check_bytes(size_bytes: int, limits: DecodeLimits) -> None:
    """Check the size of a file.

    Raises:
        PictureError: if it is too large.
    """
    if size_bytes > limits.max_bytes:
        raise PictureError(
            "That file is {size:.1f} MiB; at most {limit:.0f} MiB are accepted. Please attach "
            "a smaller version.",
            size=size_bytes / 2**20,
            limit=limits.max_bytes / 2**20,
        )


def _normalize(data: bytes, found: Format, limits: DecodeLimits) -> NormalizedPicture:
    with explained(found):
        pixels, notes = shown(found.read(data, limits), limits.max_side_px)
        check_visible(pixels)
    return normalized(pixels, notes)


def normalized(pixels: Bytes, notes: tuple[Sentence, ...]) -> NormalizedPicture:
    """A stored picture from [H, W, 3 or 4]."""
    height, width, channels = pixels.shape
    return NormalizedPicture(
        png=encoded_png(pixels),
        width_px=width,
        height_px=height,
        has_alpha=channels == 4,
        notes=notes,
    )


@contextlib.contextmanager
def explained(found: Format | None) -> Iterator[None]:
    """Translate errors of the libraries that read a file of this format.

    Raises:
        PictureError: for any error.
    """
    Image.MAX_IMAGE_PIXELS = None  # our own limit is checked first, with a better message
    is_video = found is not None and found.is_video
    try:
        yield
    except PictureError:
        raise
    except MemoryError:
        raise needs_too_much_memory(is_video=is_video) from None
    except Exception as error:
        # Decoders raise anything at malformed files, which cannot be told from bugs of ours here;
        # the picture is unusable either way.
        if any(words in str(error).lower() for words in _OUT_OF_MEMORY):
            raise needs_too_much_memory(is_video=is_video) from None
        raise damaged(is_video=is_video) from error


def shown(raster: Raster, max_side_px: int) -> tuple[Bytes, tuple[Sentence, ...]]:
    """The raster as a viewer shows it, [H, W, 3 or 4], no longer than that, and notes on it."""
    raster = boxed(raster, max_side_px)  # one step per line, so that each frees the previous array
    raster = resized(raster, max_side_px)
    pixels, notes = to_srgb(raster)
    if pixels.shape[2] == 4:
        # Invisible pixels become white, so that no later step can reveal them.
        pixels[pixels[..., 3] == 0, :3] = 255
    turn = _TURNS.get(raster.orientation)
    if turn is not None:
        image = Image.fromarray(np.ascontiguousarray(pixels))
        pixels = np.asarray(image.transpose(turn))
    return pixels, (*raster.notes, *notes)


_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def is_visible(pixels: Bytes) -> bool:
    """Whether any pixel of [H, W, 3 or 4] is visible."""
    return pixels.shape[2] != 4 or int(pixels[..., 3].max()) > _BARELY_VISIBLE


def check_visible(pixels: Bytes) -> None:
    """Check that some pixel is visible.

    Raises:
        InvisibleError: if none is.
    """
    if not is_visible(pixels):
        raise InvisibleError(
            "That picture is completely transparent: there is nothing to see in it. Please "
            "attach one that shows something."
        )
