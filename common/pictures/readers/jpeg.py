"""JPEG: gray, RGB, YCbCr, CMYK and YCCK, of 8 bits.

Only the segments needed for pixels are passed to libjpeg; orientation and profile are read here.
Anything after the first picture in the file (other views, gain maps, videos) is ignored.
"""

import io
import math
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
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
_MADE_UP: Final = 0.15
"""Share of a picture for which a truncated file gets noise."""
_NOISE: Final = bytes(97 * number % 251 for number in range(251))
"""Bytes that are no markers."""
_NOISE_OF_BLOCK: Final = 16
"""Bytes of noise that 8 × 8 samples take on average, or more."""
_INTERVAL: Final = b"\xff\xdd\0\4"
"""What precedes the number of MCUs between two restart markers."""
_RESTART: Final = re.compile(rb"\xff[\xd0-\xd7]")
_MODELS: Final[dict[str, Model]] = {"L": "gray", "RGB": "rgb", "CMYK": "cmyk"}


@dataclass(frozen=True, slots=True)
class _Frame:
    size: tuple[int, int]
    """Width and height."""
    mcu_blocks: int
    """Blocks of 8 × 8 samples in an MCU, the unit of interleaved scans."""
    blocks: int
    """All blocks."""


def read(data: bytes, limits: DecodeLimits) -> Raster:
    """The first picture of the file."""
    kept = [_START]
    exif: bytes | None = None
    parts: dict[int, bytes] = {}
    frame: _Frame | None = None
    scans = b""
    for marker, body, at in _segments(data):
        if marker == _SCAN:
            scans = data[at:]
            break
        if marker in _FRAMES and frame is None:
            frame = _frame(marker, body)
        if marker == _APP1 and exif is None and body.startswith(_EXIF):
            exif = body[6:]
        if marker == _APP2 and body.startswith(_PROFILE) and len(body) > 14:
            parts.setdefault(body[12], body[14:])
        if not (_APP0 < marker <= 0xEF and marker != _APP14) and marker != _COMMENT:
            kept.append(data[at : at + 4 + len(body)])
    if frame is None or not scans:
        raise damaged()
    check_size(frame.size, limits)
    head = b"".join(kept)
    image = _decoded(head, scans, frame, limits)
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


def _frame(marker: int, body: bytes) -> _Frame:
    if len(body) < 6:
        raise damaged()
    bits, height, width = struct.unpack_from(">BHH", body)
    if marker in _LOSSLESS:
        raise unreadable(sentence("a lossless or layered JPEG"))
    if bits != 8:
        raise unreadable(sentence("a JPEG with {bits} bits per color", bits=bits))
    if body[5] not in {1, 3, 4}:
        raise unreadable(sentence("a JPEG with {count} color channels", count=body[5]))
    if not width or not height or len(body) < 6 + 3 * body[5]:
        raise damaged()
    sampling = [(each >> 4, each & 15) for each in body[7 : 6 + 3 * body[5] : 3]]
    mcu_blocks = sum(across * down for across, down in sampling)
    least = max(1, max(across for across, _ in sampling) * max(down for _, down in sampling))
    blocks = -(-width // 8) * -(-height // 8) * mcu_blocks // least
    return _Frame((width, height), mcu_blocks, blocks)


def _decoded(head: bytes, scans: bytes, frame: _Frame, limits: DecodeLimits) -> Image.Image:
    """The pixels; a truncated file is accepted if almost none are missing.

    Decoders fill missing pixels from what they have. To find out how many are missing, the file is
    terminated in two ways: pixels that differ were made up.
    """
    if _END in scans:
        return _opened(head + scans, limits)
    file = (head + scans).rstrip(b"\xff")  # the half of a marker
    image = _opened(file + _END, limits)
    other = _opened(file + _noise_after(file, frame) + _END, limits)
    differs = (np.asarray(image) != np.asarray(other)).mean()
    if differs > _MOST_MISSING:
        raise damaged()
    return image


def _noise_after(file: bytes, frame: _Frame) -> bytes:
    """Noise that decoders take for the pixels that a truncated file lacks, unless it lacks many.

    At a restart marker they begin anew, so there is noise behind each marker that may be missing.
    """
    blocks = math.ceil(_MADE_UP * frame.blocks)
    at = file.rfind(_INTERVAL)
    interval = 0 if at < 0 else int.from_bytes(file[at + 4 : at + 6], "big")
    if interval == 0:
        return _noise(blocks)
    markers = _RESTART.findall(file, file.rfind(bytes((0xFF, _SCAN))))
    following = markers[-1][1] + 1 if markers else 0
    noise = _noise(min(interval * frame.mcu_blocks, blocks))
    numbers = range(following, following + math.ceil(blocks / interval))
    return noise + b"".join(bytes((0xFF, 0xD0 + number % 8)) + noise for number in numbers)


def _noise(blocks: int) -> bytes:
    return _NOISE * math.ceil(blocks * _NOISE_OF_BLOCK / len(_NOISE))


def _opened(file: bytes, limits: DecodeLimits) -> Image.Image:
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(file))
    shrink = min(1.0, limits.max_side_px / max(image.size))
    image.draft(None, (math.ceil(image.width * shrink), math.ceil(image.height * shrink)))
    image.load()
    return image
