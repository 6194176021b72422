"""Decode a picture file from outside into an upright 8-bit sRGB PNG without metadata.

A reader makes a raster of the file; the raster is reduced, brought to sRGB, turned and encoded.
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
    """There is nothing to be seen on a picture."""


def normalize(data: bytes, limits: DecodeLimits | None = None) -> NormalizedPicture:
    """Decode a file and bring it into the one form that the painter takes.

    Strangers' files belong into a process that can be killed: see `DecoderPool`.

    Raises:
        PictureError: if the file is no picture, is damaged, or is beyond a limit.
    """
    limits = limits or DecodeLimits()
    if not data:
        raise PictureError("That file is empty. Please attach it again.")
    if len(data) > limits.max_bytes:
        raise PictureError(
            "That file is {size:.1f} MiB; at most {limit:.0f} MiB are accepted. Please attach "
            "a smaller version.",
            size=len(data) / 2**20,
            limit=limits.max_bytes / 2**20,
        )
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
        warnings.simplefilter("ignore")  # of metadata, which is dropped anyway
        return _normalize(data, found, limits)


def _normalize(data: bytes, found: Format, limits: DecodeLimits) -> NormalizedPicture:
    with explained(found):
        pixels, notes = shown(found.read(data, limits), limits.max_side_px)
        check_visible(pixels)
    return normalized(pixels, found.name, notes)


def normalized(pixels: Bytes, source_format: str, notes: tuple[Sentence, ...]) -> NormalizedPicture:
    """A picture as it is kept, from [H, W, 3 or 4]."""
    height, width, channels = pixels.shape
    return NormalizedPicture(
        png=encoded_png(pixels),
        width_px=width,
        height_px=height,
        has_alpha=channels == 4,
        source_format=source_format,
        notes=notes,
    )


@contextlib.contextmanager
def explained(found: Format | None) -> Iterator[None]:
    """Say what went wrong in the libraries that read strangers' files, of this format.

    Raises:
        PictureError: whatever it was.
    """
    Image.MAX_IMAGE_PIXELS = None  # our own limit speaks first, with a better sentence
    is_video = found is not None and found.is_video
    try:
        yield
    except PictureError:
        raise
    except MemoryError:
        raise needs_too_much_memory(is_video=is_video) from None
    except Exception as error:
        # Decoders of strangers' files raise whatever they like; none of it is a fault of ours
        # that could be told from here, and the picture cannot be had in either case.
        if any(words in str(error).lower() for words in _OUT_OF_MEMORY):
            raise needs_too_much_memory(is_video=is_video) from None
        raise damaged(is_video=is_video) from error


def shown(raster: Raster, max_side_px: int) -> tuple[Bytes, tuple[Sentence, ...]]:
    """The raster as a viewer shows it, [H, W, 3 or 4] and no longer than that, and what to say."""
    raster = boxed(raster, max_side_px)  # one step a line: each frees what was before
    raster = resized(raster, max_side_px)
    pixels, notes = to_srgb(raster)
    if pixels.shape[2] == 4:
        # What nobody sees is white: no later step can show it by mistake.
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
    """Whether there is anything to be seen on [H, W, 3 or 4]."""
    return pixels.shape[2] != 4 or int(pixels[..., 3].max()) > _BARELY_VISIBLE


def check_visible(pixels: Bytes) -> None:
    """See whether there is anything to be seen.

    Raises:
        InvisibleError: if not.
    """
    if not is_visible(pixels):
        raise InvisibleError(
            "That picture is completely transparent: there is nothing to see in it. Please "
            "attach one that shows something."
        )
