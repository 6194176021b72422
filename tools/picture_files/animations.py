"""Files of several pictures: GIF, animated PNG and WebP."""

import struct
import zlib
from functools import partial
from typing import Final

import numpy as np
from PIL import GifImagePlugin, Image

from tools.picture_files.case import Array, Case, saved
from tools.picture_files.pngs import chunk, packed

_COLORS: Final = [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255]
_GREEN: Final = (0, 255, 0, 255)
_ANIMATED: Final = "first frame"


def _patch(box: tuple[int, int, int, int]) -> Array:
    """Green in the box and nothing around it."""
    canvas = np.zeros((48, 48, 4))
    left, top, right, bottom = box
    canvas[top:bottom, left:right] = _GREEN
    return canvas


def _gif(
    frame: tuple[int, int], at: tuple[int, int], canvas: tuple[int, int], frames: int = 1
) -> bytes:
    picture = Image.new("P", frame, 1)
    picture.putpalette(_COLORS)
    head = b"GIF89a" + struct.pack("<HHBBB", *canvas, 0xF1, 2, 0) + bytes(_COLORS)
    body = b"".join(GifImagePlugin.getdata(picture, at))
    return head + body * frames + b";"


def _webp(frames: int, flags: int = 0x12) -> bytes:
    still = saved(Image.new("RGB", (16, 16), (0, 255, 0)), "WEBP", lossless=True)[12:]

    def three(number: int) -> bytes:
        return struct.pack("<I", number)[:3]

    def part(name: bytes, body: bytes) -> bytes:
        return name + struct.pack("<I", len(body)) + body + bytes(len(body) & 1)

    frame = three(8) * 2 + three(15) * 2 + three(100) + b"\0" + still
    body = part(b"VP8X", bytes((flags, 0, 0, 0)) + three(47) * 2)
    body += part(b"ANIM", b"\xff\0\0\xff\0\0") + part(b"ANMF", frame) * frames
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def _pixels(color: tuple[int, int, int], side: int) -> bytes:
    return zlib.compress(packed(np.full((side, side, 3), color), 8))


def _apng(*, default_is_frame: bool, box: tuple[int, int, int] = (48, 0, 0)) -> bytes:
    """The default image is red and the first other frame green, of a side and at a place."""
    side, left, top = box
    control = struct.pack(">5I2H2B", 0, 48, 48, 0, 0, 1, 10, 0, 0)
    frame = struct.pack(">5I2H2B", int(default_is_frame), side, side, left, top, 1, 10, 0, 0)
    number = 2 if default_is_frame else 1
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", 48, 48, 8, 2, 0, 0, 0)),
            chunk(b"acTL", struct.pack(">II", 2 if default_is_frame else 1, 0)),
            chunk(b"fcTL", control) if default_is_frame else b"",
            chunk(b"IDAT", _pixels((255, 0, 0), 48)),
            chunk(b"fcTL", frame),
            chunk(b"fdAT", struct.pack(">I", number) + _pixels((0, 255, 0), side)),
            chunk(b"IEND", b""),
        )
    )


def _full(color: tuple[int, int, int]) -> Array:
    return np.full((48, 48, 3), color)


_webp_case = partial(Case, "WebP", mime="image/webp")
_gif_case = partial(Case, "GIF", mime="image/gif")
_png_case = partial(Case, "PNG", mime="image/png")
_ONE: Final = partial(_gif, (48, 48), (0, 0), (48, 48))
_PART: Final = partial(_gif, (16, 16), (16, 16), (48, 48))
_ALL_GREEN, _GREEN_PART = _full((0, 255, 0)), _patch((16, 16, 32, 32))

CASES: Final = (
    _gif_case("one frame", _ONE, _ALL_GREEN),
    _gif_case("two frames", partial(_ONE, 2), _ALL_GREEN, note=_ANIMATED),
    _gif_case("a frame that covers a part", _PART, _GREEN_PART),
    _gif_case("two frames that cover a part", partial(_PART, 2), _GREEN_PART, note=_ANIMATED),
    _gif_case(
        "a frame beyond the canvas",
        partial(_gif, (32, 32), (16, 16), (32, 32)),
        _patch((16, 16, 48, 48)),
    ),
    _png_case(
        "animation, default image is its first frame",
        partial(_apng, default_is_frame=True),
        _full((255, 0, 0)),
        note=_ANIMATED,
    ),
    _png_case(
        "animation of one frame, default image is no part of it",
        partial(_apng, default_is_frame=False),
        _ALL_GREEN,
    ),
    _png_case(
        "animation whose frame covers a part",
        partial(_apng, default_is_frame=False, box=(16, 16, 8)),
        _patch((16, 8, 32, 24)),
    ),
    _webp_case("animation of one frame that covers a part", partial(_webp, 1), _GREEN_PART),
    _webp_case(
        "animation of frames that cover a part", partial(_webp, 2), _GREEN_PART, note=_ANIMATED
    ),
    _webp_case(
        "animation of frames that cover a part, alpha not said",
        partial(_webp, 2, flags=0x02),
        _GREEN_PART,
        note=_ANIMATED,
    ),
)
