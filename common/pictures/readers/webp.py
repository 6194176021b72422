"""WebP, and the first frame of an animated one.

Exif and XMP are removed before libwebp gets the file; Chromium does not rotate WebP pictures.
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
from common.pictures.readers.notes import FIRST_FRAME

_KEPT: Final = {b"VP8X", b"ALPH", b"VP8 ", b"VP8L", b"ANIM", b"ANMF"}
_ANIMATION, _ALPHA = 0x02, 0x10


@dataclass(frozen=True, slots=True)
class WebpFrames:
    """A WebP file with its frames only, without metadata."""

    file: bytes
    profile: bytes
    """The ICC profile; empty if none."""
    frames: int
    """Number of frames; 0 for a still picture."""
    total_ms: int
    is_whole: bool
    """Whether the file is complete."""


def read(data: bytes, limits: DecodeLimits) -> Raster:
    """The picture, or the first frame on its canvas."""
    webp = without_metadata(data, limits, most_frames=1)
    image = WebPImagePlugin.WebPImageFile(io.BytesIO(webp.file))
    check_size(image.size, limits)
    image.load()
    color: Color = Profiled(webp.profile) if webp.profile else Srgb()
    return from_array(
        np.asarray(image if image.mode in {"RGB", "RGBA"} else image.convert("RGB")),
        color=color,
        notes=(FIRST_FRAME,) if webp.frames > 1 else (),
    )


def without_metadata(
    data: bytes, limits: DecodeLimits, most_frames: int | None = None
) -> WebpFrames:
    """Keep only the frames: without metadata, a truncated frame, and those beyond the limit.

    Raises:
        PictureError: it is damaged, or exceeds a limit.
    """
    kept: list[tuple[bytes, bytes]] = []
    profile, frames, total_ms, is_whole = b"", 0, 0, True
    for name, body, whole in _chunks(data):
        is_whole &= whole
        if name == b"VP8X" and len(body) >= 10:
            check_size((1 + _three(body, 4), 1 + _three(body, 7)), limits)
            # Browsers show the alpha of an animation even where it does not say that it has one.
            flags = body[0] & (_ANIMATION | _ALPHA) | (_ALPHA if body[0] & _ANIMATION else 0)
            kept.append((name, bytes([flags]) + body[1:10]))
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
    return WebpFrames(_file(kept), profile, frames, total_ms, is_whole)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """Names and bodies, and whether each is complete."""
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
