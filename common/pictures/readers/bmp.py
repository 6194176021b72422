"""BMP. Pillow reads most; bit fields and run lengths, which it supports in part, are read here."""

import io
import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import BmpImagePlugin

from common.pictures.checks import check_size, damaged, unreadable
from common.pictures.kinds import DecodeLimits
from common.pictures.raster import Color, Profiled, Raster, Samples, Srgb, from_array
from common.sentences import sentence

_RGB, _RLE8, _RLE4, _FIELDS, _ALPHA_FIELDS = 0, 1, 2, 3, 6
_V1, _V4, _V5 = 40, 108, 124
_MASKS: Final = {16: (0x7C00, 0x3E0, 0x1F, 0), 32: (0xFF0000, 0xFF00, 0xFF, 0)}
_EMBEDDED: Final = 0x4D424544
_FILE_HEADER_BYTES: Final = 14


@dataclass(frozen=True)
class _Header:
    bytes: int
    width: int
    height: int
    bits: int
    compression: int
    pixels_at: int
    colors: int
    is_top_down: bool


def read(data: bytes, limits: DecodeLimits) -> Raster:
    """The picture."""
    header = _header(data)
    if header is None:
        return _by_pillow(data, limits, Srgb())
    check_size((header.width, header.height), limits)
    if header.compression in {_RLE8, _RLE4} and header.bits == 12 - 4 * header.compression:
        return from_array(_flipped(_palette_of(data, header), header), color=_color(data, header))
    if header.bits in _MASKS and header.compression in {_RGB, _FIELDS, _ALPHA_FIELDS}:
        return from_array(_flipped(_fields(data, header), header), color=_color(data, header))
    if header.compression != _RGB:
        raise unreadable(
            sentence("a BMP with compression {compression}", compression=header.compression)
        )
    return _by_pillow(data, limits, _color(data, header))


def _header(data: bytes) -> _Header | None:
    """The header; None if it is older than that of Windows 3."""
    if len(data) < _FILE_HEADER_BYTES + 4:
        raise damaged()
    pixels_at, size = struct.unpack_from("<II", data, 10)
    if size < _V1:
        return None
    if len(data) < _FILE_HEADER_BYTES + _V1:
        raise damaged()
    width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    (colors,) = struct.unpack_from("<I", data, 46)
    if width <= 0 or height == 0:
        raise damaged()
    return _Header(size, width, abs(height), bits, compression, pixels_at, colors, height < 0)


def _by_pillow(data: bytes, limits: DecodeLimits, color: Color) -> Raster:
    image = BmpImagePlugin.BmpImageFile(io.BytesIO(data))
    check_size(image.size, limits)
    image.load()
    return from_array(np.asarray(image.convert("RGB")), color=color)


def _flipped(rows: Samples, header: _Header) -> Samples:
    return rows if header.is_top_down else rows[::-1]


def _color(data: bytes, header: _Header) -> Color:
    if header.bytes < _V5 or len(data) < _FILE_HEADER_BYTES + _V5:
        return Srgb()
    (space,) = struct.unpack_from("<I", data, _FILE_HEADER_BYTES + 56)
    start, length = struct.unpack_from("<II", data, _FILE_HEADER_BYTES + 112)
    start += _FILE_HEADER_BYTES
    profile = data[start : start + length]
    return Profiled(profile) if space == _EMBEDDED and profile else Srgb()


def _fields(data: bytes, header: _Header) -> Samples:
    """Pixels of 16 or 32 bits with color masks."""
    masks = _MASKS[header.bits]
    if header.bytes >= _V4 or header.compression != _RGB:
        count = 4 if header.bytes >= _V4 or header.compression == _ALPHA_FIELDS else 3
        found = struct.unpack_from(f"<{count}I", data, _FILE_HEADER_BYTES + _V1)
        told = (*found, 0)[:4]
        if header.compression != _RGB:
            masks = told
        elif header.bits == 32:  # Chromium uses the alpha mask of such a header
            masks = (*masks[:3], told[3])
    word = np.dtype("<u2" if header.bits == 16 else "<u4")
    stride = -(-header.width * header.bits // 32) * 4
    end = header.pixels_at + stride * header.height
    if len(data) < end:
        raise damaged()
    rows = np.frombuffer(data, np.uint8, stride * header.height, header.pixels_at)
    words = rows.reshape(header.height, stride).view(word)[:, : header.width]
    if masks[3] and not bool((words & word.type(masks[3])).any()):
        masks = (*masks[:3], 0)  # fully transparent: viewers show it as opaque
    planes = [_plane(words, mask) for mask in (masks if masks[3] else masks[:3])]
    return np.stack(planes, axis=2)


def _plane(words: Samples, mask: int) -> Samples:
    if mask == 0:
        return np.zeros(words.shape, np.uint8)
    shift = (mask & -mask).bit_length() - 1
    most = mask >> shift
    values = (words >> shift) & words.dtype.type(most)
    if most > 0xFFFF:
        raise unreadable(sentence("a BMP with more than 16 bits per color"))
    table = np.rint(np.arange(most + 1) * (255 / most)).astype(np.uint8)
    return np.asarray(table[values])


def _palette_of(data: bytes, header: _Header) -> Samples:
    """Run-length encoding of 8 or 4 bits; skipped pixels are black, as in Chromium."""
    count = min(header.colors or 256, 256)
    table = np.zeros((257, 3), np.uint8)
    at = _FILE_HEADER_BYTES + header.bytes
    found = np.frombuffer(data[at : at + 4 * count], np.uint8)
    found = found[: found.size // 4 * 4].reshape(-1, 4)
    table[: len(found)] = found[:, 2::-1]
    return table[_runs(data[header.pixels_at :], header)]


def _runs(codes: bytes, header: _Header) -> NDArray[np.uint16]:
    """Indexes [H, W] from the bottom row; 256 for skipped pixels.

    Raises:
        PictureError: the codes are truncated.
    """
    width, height = header.width, header.height
    out = np.full((height, width), 256, np.uint16)
    x = y = at = 0
    nibbles = header.compression == _RLE4
    while y < height:
        if at + 2 > len(codes):
            if x >= width and y == height - 1:
                break  # only the end's code is missing
            raise damaged()
        count, value = codes[at], codes[at + 1]
        at += 2
        if count:
            run = _alternating(value, count) if nibbles else value
            place = out[y, x : x + count]
            place[:] = run[: place.size] if isinstance(run, np.ndarray) else run
            x += count
        elif value == 0:
            x, y = 0, y + 1
        elif value == 1:
            break
        elif value == 2:
            right, up = struct.unpack_from("BB", codes, at)
            x, y = x + right, y + up
            at += 2
        else:
            length = (value + 1) // 2 if nibbles else value
            literal = _literal(codes[at : at + length], value, nibbles=nibbles)
            place = out[y, x : x + literal.size]
            place[:] = literal[: place.size]
            x += value
            at += length + (length & 1)
    return out


def _literal(codes: bytes, count: int, *, nibbles: bool) -> NDArray[np.uint8]:
    found = np.frombuffer(codes, np.uint8)
    if nibbles:
        found = np.stack([found >> 4, found & 15], axis=1).ravel()
    if found.size < count:
        raise damaged()
    return found[:count]


def _alternating(value: int, count: int) -> NDArray[np.uint8]:
    return np.resize(np.array([value >> 4, value & 15], np.uint8), count)
