"""PNG of 1 to 16 bits, and the first frame of an animated one.

The chunks with pixels are put into a new file for libpng, so that damaged text or Exif chunks
cannot make it fail.
"""

import itertools
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import imagecodecs
import numpy as np

from common.pictures.checks import check_size, damaged
from common.pictures.encode import SIGNATURE, packed_chunk
from common.pictures.exif import orientation_of
from common.pictures.kinds import DecodeLimits
from common.pictures.raster import (
    Calibrated,
    Coded,
    Color,
    Primaries,
    Profiled,
    Raster,
    Samples,
    Srgb,
    from_array,
)
from common.pictures.readers.notes import FIRST_FRAME

Chunk: TypeAlias = tuple[bytes, bytes]
"""Name and body."""
_MAX_PROFILE_BYTES: Final = 32 * 1024 * 1024
_SRGB_GAMMA: Final = range(45000, 46000)
_FRAME_BOX: Final = struct.Struct(">IIII")


@dataclass(frozen=True, slots=True)
class PngMetadata:
    """A file's description of its pixels."""

    header: bytes
    said: dict[bytes, bytes]
    """The chunks before the pixel data, by name."""
    color: Color
    orientation: int


def read(data: bytes, limits: DecodeLimits) -> Raster:
    """The picture, or the first frame of the animation as browsers show it."""
    chunks = list(png_chunks(data))
    size, metadata = metadata_of(chunks, limits)
    header, said = metadata.header, metadata.said
    animated = len(said.get(b"acTL", b"")) == 8
    frame = _separate_frame(chunks) if animated else None
    if frame is None:
        pixels = decoded_chunks(header, said, [body for name, body in chunks if name == b"IDAT"])
    else:
        pixels = _on_canvas(header, said, frame, size)
    several = animated and struct.unpack(">I", said[b"acTL"][:4])[0] > 1
    return from_array(
        pixels,
        white=65535 if pixels.dtype == np.uint16 else 255,
        color=metadata.color,
        orientation=metadata.orientation,
        notes=(FIRST_FRAME,) if several else (),
    )


def metadata_of(
    chunks: Sequence[Chunk], limits: DecodeLimits
) -> tuple[tuple[int, int], PngMetadata]:
    """Width and height of a file, and its description of its pixels.

    Raises:
        PictureError: the file is invalid or exceeds a limit.
    """
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
        raise damaged()
    header = chunks[0][1]
    width, height, _bits, color_type = struct.unpack(">IIBB", header[:10])
    check_size((width, height), limits)
    said: dict[bytes, bytes] = {}
    for name, body in itertools.takewhile(lambda chunk: chunk[0] != b"IDAT", chunks):
        said.setdefault(name, body)
    exif = next((body for name, body in chunks if name == b"eXIf"), None)
    color = color_of(said, is_gray=color_type in {0, 4})
    return (width, height), PngMetadata(header, said, color, orientation_of(exif))


def png_chunks(data: bytes) -> Iterator[Chunk]:
    """Names and bodies, up to the end or the truncation of the file."""
    at = len(SIGNATURE)
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        if name == b"IEND":
            return
        whole = len(body) == length and at + 12 + length <= len(data)
        if whole and name in {b"IHDR", b"PLTE", b"IDAT", b"fdAT"}:
            (crc,) = struct.unpack_from(">I", data, at + 8 + length)
            if crc != zlib.crc32(name + body):
                raise damaged()
        yield name, body
        at += 12 + length


def _separate_frame(
    chunks: list[Chunk],
) -> tuple[tuple[int, int, int, int], list[bytes]] | None:
    """Box and data of the first frame, if the default image is not part of the animation."""
    names = [name for name, _ in chunks]
    if b"fcTL" not in names or b"IDAT" not in names:
        return None
    first = names.index(b"fcTL")
    if first < names.index(b"IDAT"):
        return None
    body = chunks[first][1]
    if len(body) != 26:
        raise damaged()
    parts = []
    for name, part in chunks[first + 1 :]:
        if name == b"fcTL":
            break
        if name == b"fdAT":
            parts.append(part[4:])
    return _FRAME_BOX.unpack_from(body, 4), parts


def decoded_chunks(header: bytes, said: dict[bytes, bytes], parts: list[bytes]) -> Samples:
    """Decode [H, W, C] from the data in `parts`, with a header and descriptive chunks."""
    kept = [(name, said[name]) for name in (b"PLTE", b"tRNS") if name in said]
    chunks = [(b"IHDR", header), *kept, (b"IDAT", b"".join(parts)), (b"IEND", b"")]
    file = b"".join((SIGNATURE, *(packed_chunk(name, body) for name, body in chunks)))
    pixels: Samples = imagecodecs.png_decode(file)
    return pixels if pixels.ndim == 3 else pixels[:, :, None]


def _on_canvas(
    header: bytes,
    said: dict[bytes, bytes],
    frame: tuple[tuple[int, int, int, int], list[bytes]],
    size: tuple[int, int],
) -> Samples:
    """Decode a frame that may cover only part of the canvas; the rest is transparent."""
    (width, height, left, top), parts = frame
    if left + width > size[0] or top + height > size[1] or not width or not height:
        raise damaged()
    pixels = decoded_chunks(struct.pack(">II", width, height) + header[8:], said, parts)
    if (width, height) == size:
        return pixels
    opaque = np.iinfo(pixels.dtype).max
    if pixels.shape[2] in {1, 3}:
        pixels = np.concatenate([pixels, np.full((height, width, 1), opaque, pixels.dtype)], axis=2)
    canvas = np.zeros((size[1], size[0], pixels.shape[2]), pixels.dtype)
    canvas[top : top + height, left : left + width] = pixels
    return canvas


def color_of(said: dict[bytes, bytes], *, is_gray: bool) -> Color:
    """Color information by precedence, as in PNG's third edition: cICP, iCCP, sRGB, gAMA, cHRM."""
    code = said.get(b"cICP", b"")
    # Only the RGB matrix is allowed, and Chromium accepts no narrow range.
    if len(code) == 4 and code[2] == 0 and code[3] == 1 and code[:2] != b"\2\2":
        return Coded(code[0], code[1], peak_nits=_peak_nits(said))
    profile = _profile(said.get(b"iCCP"))
    if profile is not None:
        return Profiled(profile)
    if b"sRGB" in said or len(said.get(b"gAMA", b"")) != 4:
        return Srgb()
    (gamma,) = struct.unpack(">I", said[b"gAMA"])
    primaries = None if is_gray else _primaries(said.get(b"cHRM", b""))
    # Chromium treats 0.45455 without chromaticities as sRGB, which is what writers mean.
    if gamma == 0 or (gamma in _SRGB_GAMMA and primaries is None):
        return Srgb()
    return Calibrated(100_000 / gamma, primaries)


def _primaries(body: bytes) -> Primaries | None:
    if len(body) != 32:
        return None
    a, b, c, d, e, f, g, h = (value / 100_000 for value in struct.unpack(">8I", body))
    return a, b, c, d, e, f, g, h


def _profile(body: bytes | None) -> bytes | None:
    name, found, packed = (body or b"").partition(b"\0")
    if not found or len(name) > 79 or packed[:1] != b"\0":
        return None
    try:
        return zlib.decompressobj().decompress(packed[1:], _MAX_PROFILE_BYTES) or None
    except zlib.error:
        return None


def _peak_nits(said: dict[bytes, bytes]) -> float | None:
    """The brightest pixel in cd/m² (cLLI), or else that of the mastering display (mDCV)."""
    if len(level := said.get(b"cLLI", b"")) == 8:
        nits = struct.unpack(">I", level[:4])[0] / 10_000
    elif len(screen := said.get(b"mDCV", b"")) == 24:
        nits = struct.unpack(">I", screen[16:20])[0] / 10_000
    else:
        return None
    return float(nits) or None
