"""Animated WebP, composed by libwebp."""

import io
from collections.abc import Iterator

import numpy as np
from PIL import WebPImagePlugin

from common.clips.timing import Moment, Motion, moments_of
from common.pictures.checks import check_size, damaged
from common.pictures.kinds import DecodeLimits
from common.pictures.raster import Color, Profiled, Raster, Srgb, from_array
from common.pictures.readers.webp import without_metadata


def read(data: bytes, limits: DecodeLimits) -> Motion | None:
    """The animation; None if there is at most one frame."""
    webp = without_metadata(data, limits)
    if webp.frames < 2:
        return None
    image = WebPImagePlugin.WebPImageFile(io.BytesIO(webp.file))
    check_size(image.size, limits)
    color: Color = Profiled(webp.profile) if webp.profile else Srgb()

    def moments() -> Iterator[Moment]:
        yield from moments_of(image, lambda: _raster(image, color))
        if not webp.is_whole:
            raise damaged()

    return Motion(
        moments=moments(),
        plays=int(image.info.get("loop", 0)),
        total_ms=webp.total_ms if webp.is_whole else None,
    )


def _raster(image: WebPImagePlugin.WebPImageFile, color: Color) -> Raster:
    plain = image if image.mode in {"RGB", "RGBA"} else image.convert("RGB")
    return from_array(np.array(plain), color=color)
