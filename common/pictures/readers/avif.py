"""AVIF of 8, 10 and 12 bits, and the first frame of a sequence."""

import io

import imagecodecs
import numpy as np
from PIL import AvifImagePlugin

from common.pictures.checks import check_size, damaged
from common.pictures.kinds import DecodeLimits
from common.pictures.raster import Raster, from_array
from common.pictures.readers.boxes import MainPicture, main_picture
from common.pictures.readers.notes import FIRST_FRAME


def read(data: bytes, limits: DecodeLimits) -> Raster:
    """The main picture; libavif leaves rotation, mirroring and colors to the caller."""
    said = main_picture(data)
    if said.size is not None:
        check_size(said.size, limits)
    if is_sequence(data):
        return _first_of_sequence(data, said, limits)
    pixels = imagecodecs.avif_decode(data, index=0, numthreads=1)
    if pixels.ndim not in {2, 3}:
        raise damaged()
    check_size((pixels.shape[1], pixels.shape[0]), limits)
    bits = said.bits or 10
    return from_array(
        pixels,
        white=255 if pixels.dtype == np.uint8 else 2**bits - 1,
        color=said.color,
        orientation=said.orientation,
    )


def is_sequence(data: bytes) -> bool:
    """Whether a file declares an image sequence."""
    return data[8:12] == b"avis"


def opened_sequence(data: bytes, limits: DecodeLimits) -> AvifImagePlugin.AvifImageFile:
    """An open sequence, with frames of 8 bits.

    Read with Pillow, as imagecodecs 2026.3.6 writes out of bounds if a file has several frames.
    """
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # no threads can be started in the decoding process
    image = AvifImagePlugin.AvifImageFile(io.BytesIO(data))
    check_size(image.size, limits)
    return image


def _first_of_sequence(data: bytes, said: MainPicture, limits: DecodeLimits) -> Raster:
    image = opened_sequence(data, limits)
    image.load()
    return from_array(
        np.asarray(image),
        color=said.color,
        orientation=said.orientation,
        notes=(FIRST_FRAME,) if image.n_frames > 1 else (),
    )
