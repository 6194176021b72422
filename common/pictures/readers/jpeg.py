"""JPEG: gray, RGB, YCbCr, CMYK and YCCK, of 8 bits.

Only the segments needed for pixels are passed to libjpeg; orientation and profile are read here.
Anything after the first picture in the file (other views, gain maps, videos) is ignored.
"""

import io
import math
import struct
from collections.abc import Iterator
from typing import Final

import numpy as np
from PIL import Image, JpegImagePlugin

from common.pictures.checks import check_size, damaged, unreadable
from common.pictures.exif import orientation_of
from common.pictures.kinds import DecodeLimits
from common.pictures.raster import Color, Model, Profiled, Raster, Srgb
from common.sentences import sentence

_START, _END, _SCAN = b"\xff\xd8", b"\xff\xd9", 0xDA
_FRAMES: Final = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_LOSSLESS: Final = {0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF}
_APP0, _APP1, _APP2, _APP14, _COMMENT = 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
_PROFILE: Final = b"ICC_PROFILE\0"
_EXIF: Final = b"Exif\0"
_MOST_MISSING: Final = 0.05
_MODELS: Final[dict[str, Model]] = {"L": "gray", "RGB": "rgb", "CMYK": "cmyk"}


def read(data: bytes, limits: DecodeLimits) -> Raster:
    """The first picture of the file."""
    kept = [_START]
    exif: bytes | None = None
    parts: dict[int, bytes] = {}
    size: tuple[int, int] | None = None
    scans = b""
    for marker, body, at in _segments(data):
        if marker == _SCAN:
            scans = data[at:]
            break
        if marker in _FRAMES and size is None:
            size = _frame_size(marker, body)
        if marker == _APP1 and exif is None and body.startswith(_EXIF):
            exif = body[6:]
        if marker == _APP2 and body.startswith(_PROFILE) and len(body) > 14:
            parts.setdefault(body[12], body[14:])
        if not (_APP0 < marker <= 0xEF and marker != _APP14) and marker != _COMMENT:
            kept.append(data[at : at + 4 + len(body)])
    if size is None or not scans:
        raise damaged()
    check_size(size, limits)
    head = b"".join(kept)
    image = _decoded(head, scans, limits)
    profile = b"".join(parts[number] for number in sorted(parts))
    color: Color = Profiled(profile) if profile else Srgb()
    if image.mode not in _MODELS:
        raise damaged()
    samples = np.asarray(image)
    return Raster(
        samples if samples.ndim == 3 else samples[:, :, None],
        _MODELS[image.mode],
        color=color,
        orientation=orientation_of(exif),
    )


def _segments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Marker, body and offset of each segment, up to the first scan."""
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            at += 1  # fill bytes, which decoders skip as well
            continue
        marker = data[at + 1]
        if marker in {0x00, 0x01, 0xFF} or 0xD0 <= marker <= 0xD9:
            at += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        yield marker, data[at + 4 : at + 2 + length], at
        if marker == _SCAN:
            return
        at += 2 + max(2, length)


def _frame_size(marker: int, body: bytes) -> tuple[int, int]:
    if len(body) < 6:
        raise damaged()
    bits, height, width = struct.unpack_from(">BHH", body)
    if marker in _LOSSLESS:
        raise unreadable(sentence("a lossless or layered JPEG"))
    if bits != 8:
        raise unreadable(sentence("a JPEG with {bits} bits per color", bits=bits))
    if body[5] not in {1, 3, 4}:
        raise unreadable(sentence("a JPEG with {count} color channels", count=body[5]))
    if not width or not height:
        raise damaged()
    return width, height


def _decoded(head: bytes, scans: bytes, limits: DecodeLimits) -> Image.Image:
    """The pixels; a truncated file is accepted if almost none are missing.

    Decoders fill missing pixels from what they have. To find out how many are missing, the file is
    terminated in two ways: pixels that differ were made up.
    """
    if _END in scans:
        return _opened(head + scans, limits)
    image = _opened(head + scans + _END, limits)
    other = _opened(head + scans + bytes((0x55, 0xAA, 0x33)) * 4096 + _END, limits)
    differs = (np.asarray(image) != np.asarray(other)).mean()
    if differs > _MOST_MISSING:
        raise damaged()
    return image


def _opened(file: bytes, limits: DecodeLimits) -> Image.Image:
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(file))
    shrink = min(1.0, limits.max_side_px / max(image.size))
    image.draft(None, (math.ceil(image.width * shrink), math.ceil(image.height * shrink)))
    image.load()
    return image
