"""Animated PNG, composed as its specification says (PNG 3, 4.3.2 and 11.3.6)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from common.clips.timing import Moment, Motion, browser_delay_ms
from common.pictures.checks import damaged
from common.pictures.color import to_bytes
from common.pictures.encode import SIGNATURE
from common.pictures.kinds import DecodeLimits, PictureError
from common.pictures.raster import Raster, Samples, from_array
from common.pictures.readers.png import Chunk, PngMetadata, decoded_chunks, metadata_of, png_chunks

_CONTROL: Final = struct.Struct(">5I2H2B")
_CLEAR, _RESTORE = 1, 2
_OVER = 1


@dataclass(frozen=True, slots=True)
class _Frame:
    box: tuple[int, int, int, int]
    """Width, height, left and top."""
    delay_ms: float
    disposal: int
    blend: int
    parts: list[bytes]
    """Its compressed pixel data."""


def read(data: bytes, limits: DecodeLimits) -> Motion | None:
    """The animation; None if the file has none."""
    chunks, is_whole = _chunks(data)
    size, metadata = metadata_of(chunks, limits)
    if len(metadata.said.get(b"acTL", b"")) != 8:
        return None
    count, plays = struct.unpack(">II", metadata.said[b"acTL"])
    frames = list(_frames(chunks))
    is_whole &= len(frames) >= count
    return Motion(
        moments=_moments(frames, metadata, size, is_whole=is_whole),
        plays=plays,
        total_ms=sum(frame.delay_ms for frame in frames) if is_whole else None,
    )


def _chunks(data: bytes) -> tuple[list[Chunk], bool]:
    """All chunks, and whether the file is complete and valid."""
    chunks: list[Chunk] = []
    try:
        chunks.extend(png_chunks(data))  # keeps the chunks before a damaged one
    except PictureError:
        return chunks, False
    end = len(SIGNATURE) + sum(12 + len(body) for _name, body in chunks)
    return chunks, data[end + 4 : end + 8] == b"IEND"  # anything may follow


def _frames(chunks: list[Chunk]) -> Iterator[_Frame]:
    """The frames; the default image is one only if a frame control precedes it."""
    control: bytes | None = None
    parts: list[bytes] = []
    for name, body in (*chunks, (b"fcTL", b"")):
        if name == b"fcTL":
            if control is not None and parts:
                yield _frame(control, parts)
            control, parts = (body, []) if len(body) == _CONTROL.size else (None, [])
        elif name == b"IDAT" and control is not None:
            parts.append(body)
        elif name == b"fdAT" and control is not None:
            parts.append(body[4:])


def _frame(control: bytes, parts: list[bytes]) -> _Frame:
    _number, width, height, left, top, parts_of, whole, disposal, blend = _CONTROL.unpack(control)
    delay_ms = browser_delay_ms(1000 * parts_of / (whole or 100))
    return _Frame((width, height, left, top), delay_ms, disposal, blend, parts)


def _moments(
    frames: list[_Frame], metadata: PngMetadata, size: tuple[int, int], *, is_whole: bool
) -> Iterator[Moment]:
    canvas: Samples = np.zeros((size[1], size[0], 4), np.uint8)
    start_ms = 0.0
    for frame in frames:
        width, height, left, top = frame.box
        if left + width > size[0] or top + height > size[1] or not width or not height:
            raise damaged()
        place = (slice(top, top + height), slice(left, left + width))
        pixels = _pixels(frame, metadata)
        before = canvas[place].copy() if frame.disposal == _RESTORE else None
        canvas[place] = _over(pixels, canvas[place]) if frame.blend == _OVER else pixels
        yield Moment(start_ms, frame.delay_ms, lambda: _raster(canvas, metadata))
        start_ms += frame.delay_ms
        if before is not None:
            canvas[place] = before
        elif frame.disposal == _CLEAR:
            canvas[place] = 0
    if not is_whole:
        raise damaged()


def _raster(canvas: Samples, metadata: PngMetadata) -> Raster:
    return from_array(canvas.copy(), color=metadata.color, orientation=metadata.orientation)


def _pixels(frame: _Frame, metadata: PngMetadata) -> Samples:
    """The frame alone, [h, w, 4] of 8 bits."""
    header = struct.pack(">II", *frame.box[:2]) + metadata.header[8:]
    samples = decoded_chunks(header, metadata.said, frame.parts)
    levels = to_bytes(samples, 65535 if samples.dtype == np.uint16 else 255)
    channels = levels.shape[2]
    pixels = np.full((*levels.shape[:2], 4), 255, np.uint8)
    pixels[..., :3] = levels[..., : 1 if channels <= 2 else 3]
    if channels in {2, 4}:
        pixels[..., 3] = levels[..., -1]
    return pixels


def _over(above: Samples, below: Samples) -> Samples:
    """Alpha-composite one picture over another."""
    top, under = (each[..., 3:].astype(np.float32) / 255 for each in (above, below))
    alpha = top + under * (1 - top)
    colors = above[..., :3] * top + below[..., :3] * under * (1 - top)
    out = np.concatenate([colors / np.maximum(alpha, 1e-6), 255 * alpha], axis=2)
    return np.asarray(np.rint(np.clip(out, 0, 255)), np.uint8)
