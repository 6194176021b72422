"""Animated GIF, composed as in browsers, on an initially transparent canvas.

Blocks are parsed here, and each frame is decoded by Pillow from a file of its own: Pillow's own
composition differs from browsers if a frame without a transparent color is cleared.
"""

import io
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import GifImagePlugin

from common.clips.timing import Moment, Motion, browser_delay_ms
from common.pictures.checks import check_size, damaged
from common.pictures.kinds import DecodeLimits
from common.pictures.raster import Raster, Samples, from_array

_CLEAR, _RESTORE = 2, 3
_TABLE: Final = 0x80
_END, _IMAGE, _EXTENSION = 0x3B, 0x2C, 0x21
_CONTROL, _APPLICATION = 0xF9, 0xFF
_NO_CONTROL: Final = bytes(4)
_LOOPING: Final = {b"NETSCAPE2.0", b"ANIMEXTS1.0"}


@dataclass(frozen=True, slots=True)
class _GifFrame:
    box: tuple[int, int, int, int]
    """Left, top, width and height."""
    image: bytes
    """From the image descriptor's flags on: local color table and pixels."""
    delay_ms: float
    disposal: int
    transparent: int | None


@dataclass(frozen=True, slots=True)
class _Blocks:
    canvas: tuple[int, int]
    colors: bytes
    """Flags and bytes of the global color table."""
    frames: list[_GifFrame]
    plays: int
    is_whole: bool


def read(data: bytes, limits: DecodeLimits) -> Motion | None:
    """The animation; None if there is at most one frame."""
    blocks = _walked(data)
    if len(blocks.frames) < 2:
        return None
    check_size(blocks.canvas, limits)
    return Motion(
        moments=_moments(blocks),
        plays=blocks.plays,
        total_ms=sum(frame.delay_ms for frame in blocks.frames) if blocks.is_whole else None,
    )


def _moments(blocks: _Blocks) -> Iterator[Moment]:
    width, height = blocks.canvas
    canvas: Samples = np.zeros((height, width, 4), np.uint8)
    start_ms = 0.0
    for frame in blocks.frames:
        left, top, wide, high = frame.box
        place = (slice(top, min(top + high, height)), slice(left, min(left + wide, width)))
        before = canvas[place].copy() if frame.disposal == _RESTORE else None
        pixels = _pixels(blocks, frame)[: max(0, height - top), : max(0, width - left)]
        there = canvas[place]
        there[pixels[..., 3] > 0] = pixels[pixels[..., 3] > 0]
        yield Moment(start_ms, frame.delay_ms, _snapshot(canvas))
        start_ms += frame.delay_ms
        if before is not None:
            canvas[place] = before
        elif frame.disposal == _CLEAR:
            canvas[place] = 0
    if not blocks.is_whole:
        raise damaged()


def _snapshot(canvas: Samples) -> Callable[[], Raster]:
    return lambda: from_array(canvas.copy())


def _pixels(blocks: _Blocks, frame: _GifFrame) -> Samples:
    """The frame alone, [h, w, 4]."""
    size = struct.pack("<HH", *frame.box[2:])
    file = b"GIF89a" + size + blocks.colors[:1] + b"\0\0" + blocks.colors[1:]
    file += b",\0\0\0\0" + size + frame.image + b";"
    image = GifImagePlugin.GifImageFile(io.BytesIO(file))
    image.load()
    pixels = np.empty((*np.asarray(image).shape[:2], 4), np.uint8)
    pixels[..., 3] = (
        255 if frame.transparent is None else 255 * (np.asarray(image) != frame.transparent)
    )
    pixels[..., :3] = np.asarray(image.convert("RGB"))
    return pixels


def _walked(data: bytes) -> _Blocks:
    """All blocks up to the end or the truncation of the file."""
    if len(data) < 13:
        raise damaged()
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + _table_bytes(flags)
    colors = bytes([flags]) + data[13:at]
    frames: list[_GifFrame] = []
    plays, control, is_whole = 1, _NO_CONTROL, False
    try:
        for kind, begin, end in _each_block(data, at):
            if kind == _END:
                is_whole = True
            elif kind == _IMAGE:
                box = struct.unpack_from("<HHHH", data, begin + 1)
                frames.append(_frame(box, data[begin + 9 : end], control))
                control = _NO_CONTROL
            elif data[begin + 1] == _CONTROL and data[begin + 2] >= len(_NO_CONTROL):
                control = data[begin + 3 : begin + 7]
            elif data[begin + 1] == _APPLICATION and data[begin + 3 : begin + 14] in _LOOPING:
                plays = _plays(data[begin + 14 : end], plays)
    except (IndexError, struct.error):
        pass  # truncated
    if frames:  # the first frame may be larger than the declared canvas
        left, top, wide, high = frames[0].box
        width, height = max(width, left + wide), max(height, top + high)
    return _Blocks((width, height), colors, frames, plays, is_whole)


def _each_block(data: bytes, at: int) -> Iterator[tuple[int, int, int]]:
    """Type, start and end offset of each block; the trailer comes last.

    A file that ends right after a block is complete: some writers omit the trailer.

    Raises:
        IndexError: the file is truncated.
    """
    while at < len(data) and (kind := data[at]) != _END:
        if kind == _IMAGE:
            end = _behind(data, at + 10 + _table_bytes(data[at + 9]) + 1)
        elif kind == _EXTENSION:
            end = _behind(data, at + 2)
        elif kind == 0:  # some writers insert one between blocks
            at += 1
            continue
        else:
            raise IndexError(at)
        yield kind, at, end
        at = end
    yield _END, at, at + 1


def _frame(box: tuple[int, int, int, int], image: bytes, control: bytes) -> _GifFrame:
    flags, hundredths, transparent = struct.unpack("<BHB", control)
    return _GifFrame(
        box,
        image,
        browser_delay_ms(10 * hundredths),
        (flags >> 2) & 7,
        transparent if flags & 1 else None,
    )


def _plays(body: bytes, otherwise: int) -> int:
    """The number of plays, from the sub-blocks of its extension."""
    if len(body) < 4 or body[0] != 3 or body[1] & 7 != 1:
        return otherwise
    repeats = int.from_bytes(body[2:4], "little")
    return repeats + 1 if repeats else 0


def _table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & _TABLE else 0


def _behind(data: bytes, at: int) -> int:
    """The end offset of the sub-blocks that begin here.

    Raises:
        IndexError: the file is truncated.
    """
    while length := data[at]:
        at += 1 + length
    return at + 1
