"""Small picture files, as bytes."""

import io
import struct
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import skimage
from PIL import Image

SKIMAGE_DATA = Path(skimage.__file__).parent / "data"


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """The bytes of a file of this kind."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def decoded(data: bytes) -> Image.Image:
    """The picture in a file's bytes, in memory."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def plain_picture(size: tuple[int, int] = (64, 48), color: str = "teal") -> bytes:
    """A picture of one color."""
    return encoded(Image.new("RGB", size, color))


def gradient_picture(size: tuple[int, int] = (96, 64), kind: str = "PNG") -> bytes:
    """A small picture with some content."""
    return encoded(Image.linear_gradient("L").resize(size).convert("RGB"), kind)


def animated_gif(*colors: str) -> bytes:
    """A GIF with a plain frame of each color."""
    first, *others = (Image.new("RGB", (64, 48), color) for color in colors)
    return encoded(first, "GIF", save_all=True, append_images=others)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def decompression_bomb() -> bytes:
    """A small PNG with a header of 60,000 × 60,000 pixels."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(bytes(100_000))), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


@cache
def photograph(name: str, side_px: int = 160) -> bytes:
    """A photograph that scikit-image ships, as a PNG with at most this longer side."""
    with Image.open(SKIMAGE_DATA / name) as image:
        small = image.convert("RGB")
    small.thumbnail((side_px, side_px))
    return encoded(small)


def color_of(png: bytes) -> tuple[int, ...]:
    """The color at the upper left of a picture."""
    with Image.open(io.BytesIO(png)) as image:
        return image.convert("RGB").getpixel((0, 0))  # type: ignore[return-value]
