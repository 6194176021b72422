"""WebP, and the first frame of an animated one.

Exif and XMP are left out of what libwebp gets; Chromium does not turn a WebP picture by them.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import WebPImagePlugin

from common.pictures.checks import check_size, damaged
from common.pictures.kinds import DecodeLimits
from common.pictures.raster import Color, Profiled, Raster, Srgb, from_array
from common.pictures.readers.noting import FIRST_FRAME

_KEPT: Final = {b"VP8X", b"ALPH", b"VP8 ", b"VP8L", b"ANIM", b"ANMF"}
_KEPT_FLAGS: Final = 0x02 | 0x10  # animation and alpha


@dataclass(frozen=True, slots=True)
class Alone:
    """A WebP file with its frames and nothing that describes them."""

    file: bytes
    profile: bytes
    """An ICC profile, or nothing."""
    frames: int
    """Of an animation; 0 of a still picture."""
    total_ms: int
    is_whole: bool
    """Whether the file did not break off."""


def read(data: bytes, limits: DecodeLimits) -> Raster:
    """The picture, or the first frame on its canvas."""
    alone = frames_alone(data, limits, most_frames=1)
    image = WebPImagePlugin.WebPImageFile(io.BytesIO(alone.file))
    check_size(image.size, limits)
    image.load()
    color: Color = Profiled(alone.profile) if alone.profile else Srgb()
    return from_array(
        np.asarray(image if image.mode in {"RGB", "RGBA"} else image.convert("RGB")),
        color=color,
        notes=(FIRST_FRAME,) if alone.frames > 1 else (),
    )


def frames_alone(data: bytes, limits: DecodeLimits, most_frames: int | None = None) -> Alone:
    """Leave out what is no frame, the frame at which the file breaks off, and those beyond.

    Raises:
        PictureError: it is damaged, or beyond a limit.
    """
    kept: list[tuple[bytes, bytes]] = []
    profile, frames, total_ms, is_whole = b"", 0, 0, True
    for name, body, whole in _chunks(data):
        is_whole &= whole
        if name == b"VP8X" and len(body) >= 10:
            check_size((1 + _three(body, 4), 1 + _three(body, 7)), limits)
            kept.append((name, bytes([body[0] & _KEPT_FLAGS]) + body[1:10]))
        elif name == b"ICCP":
            profile = profile or body
        elif name == b"ANMF":
            if frames == 0 or (whole and (most_frames is None or frames < most_frames)):
                kept.append((name, body))
            if len(body) >= 16 and (whole or frames == 0):
                frames += 1
                total_ms += _three(body, 12)
        elif name in _KEPT:
            kept.append((name, body))
    if not kept:
        raise damaged()
    return Alone(_file(kept), profile, frames, total_ms, is_whole)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """Names and bodies, and whether each is all there."""
    at = 12
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 8 + length]
        yield name, body, len(body) == length
        at += 8 + length + (length & 1)


def _three(body: bytes, at: int) -> int:
    return int.from_bytes(body[at : at + 3], "little")


def _file(chunks: list[tuple[bytes, bytes]]) -> bytes:
    body = b"".join(
        name + struct.pack("<I", len(part)) + part + bytes(len(part) & 1) for name, part in chunks
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body
