"""HEIC and HEIF: the main picture, which libheif turns upright."""

import io
from collections.abc import Mapping

import numpy as np
import pillow_heif

from common.pictures.checks import check_size, damaged
from common.pictures.kinds import DecodeLimits
from common.pictures.raster import Color, Raster, Samples, Srgb, from_array
from common.pictures.readers.boxes import code_points, main_picture
from common.pictures.readers.notes import MAIN_PICTURE


def read(data: bytes, limits: DecodeLimits) -> Raster:
    """The main picture; thumbnails, depth and gain maps are ignored."""
    pillow_heif.options.DECODE_THREADS = 1
    pillow_heif.options.DEPTH_IMAGES = False
    file = pillow_heif.open_heif(
        io.BytesIO(data), convert_hdr_to_8bit=False, hdr_to_16bit=True, remove_stride=True
    )
    if not len(file):
        raise damaged()
    image = file[file.primary_index]
    check_size(image.size, limits)
    pixels: Samples = np.asarray(image)
    if image.mode.startswith("RGBa"):
        pixels = _unmultiplied(pixels)
    white = 255
    if pixels.dtype == np.uint16:
        bits = _number(image.info.get("bit_depth"), 16)
        white = (2**bits - 1) << (16 - bits)
    return from_array(
        pixels,
        white=white,
        color=_color(data, image.info),
        notes=(MAIN_PICTURE,) if len(file) > 1 else (),
    )


def _color(data: bytes, info: Mapping[str, object]) -> Color:
    said = main_picture(data).color
    nclx = info.get("nclx_profile")
    if said != Srgb() or not isinstance(nclx, dict):
        return said
    return code_points(nclx["color_primaries"], nclx["transfer_characteristics"], None)


def _number(value: object, otherwise: int) -> int:
    return value if isinstance(value, int) else otherwise


def _unmultiplied(pixels: Samples) -> Samples:
    alpha = pixels[..., 3:].astype(np.float32)
    most = np.iinfo(pixels.dtype).max
    colors = pixels[..., :3] * (most / np.maximum(alpha, 1))
    return np.concatenate(
        [np.clip(colors + 0.5, 0, most).astype(pixels.dtype), pixels[..., 3:]], axis=2
    )
