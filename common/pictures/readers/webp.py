"""WebP, and the first frame of an animated one.

Exif and XMP are left out of what libwebp gets; Chromium does not turn a WebP picture by them.
"""

import io
import struct
from collections.abc import Iterator
from typing import Final

import numpy as np
from PIL import WebPImagePlugin

from common.pictures.checks import check_size, damaged
from common.pictures.kinds import DecodeLimits
from common.pictures.raster import Color, Profiled, Raster, Srgb, from_array
from common.pictures.readers.noting import first_frame

_KEPT: Final = {b"VP8X", b"ALPH", b"VP8 ", b"VP8L", b"ANIM", b"ANMF"}
_KEPT_FLAGS: Final = 0x02 | 0x10  # animation and alpha


def read(data: bytes, limits: DecodeLimits) -> Raster:
    """The picture, or the first frame on its canvas."""
    kept: list[tuple[bytes, bytes]] = []
    profile, frames = b"", 0
    for name, body in _chunks(data):
        if name == b"VP8X" and len(body) >= 10:
            check_size((1 + _three(body, 4), 1 + _three(body, 7)), limits)
            kept.append((name, bytes([body[0] & _KEPT_FLAGS]) + body[1:10]))
        elif name == b"ICCP":
            profile = profile or body
        elif name in _KEPT and (name != b"ANMF" or frames == 0):
            kept.append((name, body))
        frames += name == b"ANMF"
    if not kept:
        raise damaged()
    image = WebPImagePlugin.WebPImageFile(io.BytesIO(_file(kept)))
    check_size(image.size, limits)
    image.load()
    color: Color = Profiled(profile) if profile else Srgb()
    return from_array(
        np.asarray(image if image.mode in {"RGB", "RGBA"} else image.convert("RGB")),
        color=color,
        notes=(first_frame(),) if frames > 1 else (),
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        yield name, data[at + 8 : at + 8 + length]
        at += 8 + length + (length & 1)


def _three(body: bytes, at: int) -> int:
    return int.from_bytes(body[at : at + 3], "little")


def _file(chunks: list[tuple[bytes, bytes]]) -> bytes:
    body = b"".join(
        name + struct.pack("<I", len(part)) + part + bytes(len(part) & 1) for name, part in chunks
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body
