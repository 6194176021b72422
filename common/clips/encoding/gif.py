"""GIF encoding with one palette for all frames and an ordered dither.

With a palette per frame, or with error diffusion, static areas would flicker.
"""

import contextlib
import itertools
import struct
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt
from PIL import GifImagePlugin, Image, ImageChops

PALETTE_SETTLED: Final = 0.05
"""Share of the pixels that still change color in a pass of k-means after which there is no other:
Pillow's `kmeans` is a number of such pixels, and the last of them take seconds and change nothing
that is seen."""
_COLORS: Final = 255
_NOTHING: Final = 255
"""Palette index of transparent or unchanged pixels."""
_SAMPLES: Final = 16
_SAMPLE_PX: Final = 160
_OPAQUE: Final = 128
_DITHER_LEVELS: Final = 10.0
"""Amplitude of the dither pattern in levels: about half the distance between two palette colors."""
_LEAST_HUNDREDTHS: Final = 2
"""Shorter frames are shown for 100 ms by many programs."""
_MOST_HUNDREDTHS: Final = 0xFFFF

_Levels = npt.NDArray[np.uint8]


def write_gif(
    path: Path | BinaryIO,
    frames: Callable[[], Iterable[Image.Image]],
    durations_ms: Sequence[int],
    plays: int,
    quality: float,
) -> None:
    """Write a GIF.

    Args:
        path: the file to be.
        frames: returns all frames, RGB or RGBA; called twice, once for the palette.
        durations_ms: how long each is shown.
        plays: number of plays; 0: forever.
        quality: 0..1; lower uses fewer colors.
    """
    palette = _palette(frames(), len(durations_ms), max(2, round(_COLORS * quality)))
    before: _Levels | None = None
    with path.open("wb") if isinstance(path, Path) else contextlib.nullcontext(path) as file:
        for frame, hundredths in zip(frames(), _hundredths(durations_ms), strict=True):
            if not hundredths:
                continue
            if before is None:
                _begin(file, frame.size, palette, plays)
            indexes = _indexes(frame, palette)
            clears = frame.mode == "RGBA"
            part, corner = (indexes, (0, 0)) if clears else _changed(before, indexes)
            before = indexes
            image = Image.fromarray(part, "P")
            image.putpalette(palette.getpalette() or [])
            file.writelines(
                GifImagePlugin.getdata(
                    image,
                    corner,
                    duration=hundredths * 10,
                    transparency=_NOTHING,
                    disposal=2 if clears else 1,
                )
            )
        file.write(b";")


def _begin(file: BinaryIO, size: tuple[int, int], palette: Image.Image, plays: int) -> None:
    file.write(b"GIF89a" + struct.pack("<HHBBB", *size, 0xF7, 0, 0))
    colors = bytes(palette.getpalette() or [])
    file.write(colors.ljust(3 * 256, b"\0"))
    if plays != 1:
        times = 0 if plays == 0 else min(plays - 1, 0xFFFF)
        file.write(b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", times) + b"\0")


def _hundredths(durations_ms: Sequence[int]) -> list[int]:
    """Frame durations in hundredths of a second, rounded without accumulating error.

    The maximum is 50 frames per second: frames that come too soon are delayed, and those left
    without time are dropped.
    """
    starts = [round(at / 10) for at in (0, *itertools.accumulate(durations_ms))]
    times = [0] * len(durations_ms)
    shown, since = 0, 0
    for number, (begins, ends) in enumerate(itertools.pairwise(starts)):
        soonest = max(begins, since + _LEAST_HUNDREDTHS)
        if number and ends > soonest:
            times[shown], shown, since = soonest - since, number, soonest
    times[shown] = max(_LEAST_HUNDREDTHS, starts[-1] - since)
    return [min(one, _MOST_HUNDREDTHS) for one in times]


def _palette(frames: Iterable[Image.Image], count: int, colors: int) -> Image.Image:
    """The best palette for evenly chosen frames, laid side by side."""
    every = max(1, -(-count // _SAMPLES))
    small: list[Image.Image] = []
    for frame in itertools.islice(frames, 0, None, every):
        sample = frame.copy()
        sample.thumbnail((_SAMPLE_PX, _SAMPLE_PX), Image.Resampling.NEAREST)
        small.append(_seen(sample))
    height = max(one.height for one in small)
    sheet = Image.new("RGB", (sum(one.width for one in small), height))
    left = 0
    for one in small:
        sheet.paste(one.resize((one.width, height)), (left, 0))
        left += one.width
    changing = round(PALETTE_SETTLED * sheet.width * sheet.height)
    return sheet.quantize(colors, method=Image.Quantize.MEDIANCUT, kmeans=changing)


def _seen(frame: Image.Image) -> Image.Image:
    """The frame in RGB, with the mean color of visible pixels where it is transparent."""
    if frame.mode != "RGBA":
        return frame
    pixels = np.asarray(frame)
    seen = pixels[pixels[..., 3] >= _OPAQUE][:, :3]
    mean = tuple(int(one) for one in seen.mean(0)) if len(seen) else (0, 0, 0)
    plain = Image.new("RGB", frame.size, mean)
    plain.paste(frame, (0, 0), frame.getchannel("A").point(lambda level: 255 * (level >= _OPAQUE)))
    return plain


def _indexes(frame: Image.Image, palette: Image.Image) -> _Levels:
    pixels = np.asarray(frame.convert("RGB"), dtype=np.float32)
    rows = -(-frame.height // len(_PATTERN)), -(-frame.width // len(_PATTERN))
    pattern = np.tile(_PATTERN, rows)[: frame.height, : frame.width, None]
    dithered = (pixels + pattern + 0.5).clip(0, 255).astype(np.uint8)
    made = Image.fromarray(dithered).quantize(palette=palette, dither=Image.Dither.NONE)
    indexes = np.array(made, dtype=np.uint8)
    if frame.mode == "RGBA":
        indexes[np.asarray(frame.getchannel("A")) < _OPAQUE] = _NOTHING
    return indexes


def _changed(before: _Levels | None, now: _Levels) -> tuple[_Levels, tuple[int, int]]:
    """The changed rectangle, and its left and top corner."""
    if before is None:
        return now, (0, 0)
    same = before == now
    box = ImageChops.invert(Image.fromarray(same.astype(np.uint8) * 255)).getbbox()
    left, top, right, bottom = box or (0, 0, 1, 1)
    part = np.where(same, np.uint8(_NOTHING), now)[top:bottom, left:right]
    return np.ascontiguousarray(part), (left, top)


def _bayer(order: int) -> npt.NDArray[np.float32]:
    """Bayer's threshold matrix (1973) of size 2^order, in ±½."""
    square = np.zeros((1, 1), np.float32)
    for _ in range(order):
        square = np.block([[4 * square, 4 * square + 2], [4 * square + 3, 4 * square + 1]])
    return ((square + 0.5) / square.size - 0.5).astype(np.float32)


_PATTERN: Final = _bayer(3) * _DITHER_LEVELS
