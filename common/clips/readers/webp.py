"""Animated WebP, composed by libwebp."""

import io
from collections.abc import Iterator

import numpy as np
from PIL import WebPImagePlugin

from common.clips.timing import Moment, Motion, moments_of
from common.pictures.checks import check_size, damaged
from common.pictures.kinds import DecodeLimits
from common.pictures.raster import Color, Profiled, Raster, Srgb, from_array
from common.pictures.readers.webp import frames_alone


def read(data: bytes, limits: DecodeLimits) -> Motion | None:
    """The animation; None if there is at most one frame."""
    alone = frames_alone(data, limits)
    if alone.frames < 2:
        return None
    image = WebPImagePlugin.WebPImageFile(io.BytesIO(alone.file))
    check_size(image.size, limits)
    color: Color = Profiled(alone.profile) if alone.profile else Srgb()

    def moments() -> Iterator[Moment]:
        yield from moments_of(image, lambda: _raster(image, color))
        if not alone.is_whole:
            raise damaged()

    return Motion(
        moments=moments(),
        plays=int(image.info.get("loop", 0)),
        total_ms=alone.total_ms if alone.is_whole else None,
    )


def _raster(image: WebPImagePlugin.WebPImageFile, color: Color) -> Raster:
    plain = image if image.mode in {"RGB", "RGBA"} else image.convert("RGB")
    return from_array(np.array(plain), color=color)
