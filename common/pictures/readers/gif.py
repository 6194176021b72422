"""GIF: the first frame, on a canvas that is transparent where the frame does not cover it."""

import io

import numpy as np
from PIL import GifImagePlugin, Image

from common.pictures.checks import check_size, damaged
from common.pictures.kinds import DecodeLimits
from common.pictures.raster import Raster, from_array
from common.pictures.readers.notes import FIRST_FRAME


def read(data: bytes, limits: DecodeLimits) -> Raster:
    """The first frame."""
    image = GifImagePlugin.GifImageFile(io.BytesIO(data))
    check_size(image.size, limits)
    if not image.tile:
        raise damaged()
    box = image.tile[0].extents
    is_animated = _has_second_frame(data)
    image.load()
    transparent = image.info.get("transparency") is not None
    whole = box is None or tuple(box) == (0, 0, *image.size)
    shown: Image.Image = image.convert("RGBA" if transparent or not whole else "RGB")
    if not whole:
        assert box is not None
        canvas = Image.new("RGBA", image.size)
        canvas.paste(shown.crop(box), box[:2])
        shown = canvas
    return from_array(np.asarray(shown), notes=(FIRST_FRAME,) if is_animated else ())


def _has_second_frame(data: bytes) -> bool:
    image = GifImagePlugin.GifImageFile(io.BytesIO(data))
    try:
        image.seek(1)
    except (EOFError, OSError, ValueError, SyntaxError, IndexError):
        return False
    return True
