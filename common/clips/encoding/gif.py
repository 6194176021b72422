"""GIF: one palette for all frames, and a dither that stays where it is.

With a palette for each frame, or with error diffusion, what stands still would crawl.
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

_COLORS: Final = 255
_NOTHING: Final = 255
"""The index of what is transparent, or as it was."""
_SAMPLES: Final = 16
_SAMPLE_PX: Final = 160
_OPAQUE: Final = 128
_DITHER_LEVELS: Final = 10.0
"""From the darkest to the brightest of the pattern: about half of what lies between two colours."""
_LEAST_HUNDREDTHS: Final = 2
"""Programs show frames of less than that for a tenth of a second."""
_MOST_HUNDREDTHS: Final = 0xFFFF

_Levels = npt.NDArray[np.uint8]


def write_gif(
    path: Path | BinaryIO,
    frames: Callable[[], Iterable[Image.Image]],
    durations_ms: Sequence[int],
    plays: int,
    quality: float = 1.0,
) -> None:
    """Write a GIF.

    Args:
        path: the file to be.
        frames: gives all frames, RGB or RGBA; asked twice, as the palette comes first.
        durations_ms: how long each is shown.
        plays: how often all are shown; 0: for ever.
        quality: 0..1; less takes fewer colours.
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
    """Each frame's time, rounded so that no error adds up.

    More than 50 frames a second cannot be: who comes too soon comes late, and who then has no time
    left has none.
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
    """The colours that suit the frames best, of evenly chosen ones laid side by side."""
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
    return sheet.quantize(colors, method=Image.Quantize.MEDIANCUT, kmeans=4)


def _seen(frame: Image.Image) -> Image.Image:
    """In RGB, with the mean of what is seen where nothing is."""
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
    """The part that is not as it was, and its corner, left and top."""
    if before is None:
        return now, (0, 0)
    same = before == now
    box = ImageChops.invert(Image.fromarray(same.astype(np.uint8) * 255)).getbbox()
    left, top, right, bottom = box or (0, 0, 1, 1)
    part = np.where(same, np.uint8(_NOTHING), now)[top:bottom, left:right]
    return np.ascontiguousarray(part), (left, top)


def _bayer(order: int) -> npt.NDArray[np.float32]:
    """Thresholds in a square of 2^order, evenly spread (Bayer, 1973), around 0 in ±½."""
    square = np.zeros((1, 1), np.float32)
    for _ in range(order):
        square = np.block([[4 * square, 4 * square + 2], [4 * square + 3, 4 * square + 1]])
    return ((square + 0.5) / square.size - 0.5).astype(np.float32)


_PATTERN: Final = _bayer(3) * _DITHER_LEVELS
