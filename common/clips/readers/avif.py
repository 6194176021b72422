"""AVIF sequences."""

from collections.abc import Iterator

import numpy as np
from PIL import AvifImagePlugin

from common.clips.timing import Moment, Motion, browser_delay_ms
from common.pictures.kinds import DecodeLimits
from common.pictures.raster import from_array
from common.pictures.readers.avif import is_sequence, opened_sequence
from common.pictures.readers.boxes import MainPicture, main_picture


def read(data: bytes, limits: DecodeLimits) -> Motion | None:
    """The sequence, which is shown for ever; None where the file holds none."""
    if not is_sequence(data):
        return None
    image = opened_sequence(data, limits)
    if image.n_frames < 2:
        return None
    return Motion(_moments(image, main_picture(data)), plays=0)


def _moments(image: AvifImagePlugin.AvifImageFile, said: MainPicture) -> Iterator[Moment]:
    start_ms = 0.0
    for number in range(image.n_frames):
        image.seek(number)
        image.load()
        duration_ms = browser_delay_ms(float(image.info.get("duration", 0)))
        yield Moment(
            start_ms,
            duration_ms,
            lambda: from_array(np.array(image), color=said.color, orientation=said.orientation),
        )
        start_ms += duration_ms
