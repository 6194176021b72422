"""AVIF of 8, 10 and 12 bits, and the first frame of a sequence."""

import io

import imagecodecs
import numpy as np
from PIL import AvifImagePlugin

from common.pictures.checks import check_size, damaged
from common.pictures.kinds import DecodeLimits
from common.pictures.raster import Raster, from_array
from common.pictures.readers.boxes import main_picture
from common.pictures.readers.noting import first_frame


def read(data: bytes, limits: DecodeLimits) -> Raster:
    """The main picture; libavif leaves turning, mirroring and colors to who asks."""
    said = main_picture(data)
    if said.size is not None:
        check_size(said.size, limits)
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
        notes=(first_frame(),) if _is_animated(data) else (),
    )


def _is_animated(data: bytes) -> bool:
    if data[8:12] != b"avis":
        return False
    return bool(AvifImagePlugin.AvifImageFile(io.BytesIO(data)).is_animated)
