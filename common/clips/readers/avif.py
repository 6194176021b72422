"""AVIF sequences."""

import numpy as np

from common.clips.timing import Motion, moments_of
from common.pictures.kinds import DecodeLimits
from common.pictures.raster import Raster, from_array
from common.pictures.readers.avif import is_sequence, opened_sequence
from common.pictures.readers.boxes import main_picture


def read(data: bytes, limits: DecodeLimits) -> Motion | None:
    """The sequence, which loops forever; None if the file holds none."""
    if not is_sequence(data):
        return None
    image = opened_sequence(data, limits)
    if image.n_frames < 2:
        return None
    said = main_picture(data)

    def raster() -> Raster:
        return from_array(np.array(image), color=said.color, orientation=said.orientation)

    return Motion(moments_of(image, raster), plays=0)
