"""Interprets a TIFF's samples: any width, integer or floating-point, signed or not.

Zero is black and the type's maximum is white, as in TIFF 6; signed numbers below zero are blacker
than black. Floating-point numbers have no maximum: see `white_of_floats`.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from common.pictures.checks import unreadable
from common.pictures.raster import Samples
from common.sentences import sentence

_UNSIGNED, _SIGNED, _FLOAT, _VOID = 1, 2, 3, 4
_WHITES: Final = (1.0, 255.0, 65535.0)
_FAR_BEYOND: Final = 4.0


@dataclass(frozen=True)
class SampleKind:
    """Bits and SampleFormat of a TIFF's samples."""

    bits: int
    sample_format: int

    def __post_init__(self) -> None:
        if self.sample_format not in {_UNSIGNED, _SIGNED, _FLOAT, _VOID}:
            raise unreadable(sentence("a TIFF of complex numbers"))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the samples that `to_levels` returns."""
        if self.sample_format == _FLOAT:
            return np.dtype(np.float32)
        return np.dtype(np.uint8 if self.bits <= 8 else np.uint16)

    @property
    def white(self) -> float:
        """The value of white in what `to_levels` returns; 1 for floating point."""
        if self.sample_format == _FLOAT:
            return 1
        if self.bits <= 8:
            return 255
        if self.sample_format == _SIGNED:
            return 32767 if self.bits <= 16 else 65535
        return (1 << min(self.bits, 16)) - 1


def to_levels(block: Samples, kind: SampleKind) -> Samples:
    """A strip or tile as uint8, uint16 or float32, from 0."""
    if kind.sample_format == _FLOAT:
        return _finite(block.astype(np.float32, copy=False))
    if kind.sample_format == _SIGNED:
        return _signed(block, kind.bits)
    if kind.bits < 8:
        table = np.rint(np.arange(2**kind.bits) * (255 / (2**kind.bits - 1))).astype(np.uint8)
        return np.asarray(table[block.astype(np.uint8)])
    if kind.bits == 8:
        return block.astype(np.uint8, copy=False)
    if kind.bits <= 16:
        return block.astype(np.uint16, copy=False)
    return (block >> (kind.bits - 16)).astype(np.uint16)


def _finite(levels: Samples) -> Samples:
    finite = np.isfinite(levels)
    if bool(finite.all()):
        return levels
    most = float(levels[finite].max(initial=1.0))
    return np.nan_to_num(levels, nan=0, posinf=most, neginf=0)


def _signed(block: Samples, bits: int) -> Samples:
    levels = np.maximum(block, 0)
    if bits <= 8:
        most = 2 ** (bits - 1) - 1
        table = np.rint(np.arange(256) * (255 / max(1, most))).clip(0, 255).astype(np.uint8)
        return np.asarray(table[levels.astype(np.uint8)])
    if bits <= 16:
        return levels.astype(np.uint16)
    return (levels >> (bits - 17)).astype(np.uint16)


def white_of_floats(samples: Samples) -> float:
    """The value of white: 1, or 255 or 65535 if the mean shows integer levels stored as floats.

    The mean decides, since a sharpened edge or a lamp can be far above white in any picture, but no
    picture is four times as bright as white on average.
    """
    mean = float(samples[..., :1].mean(dtype=np.float64)) if samples.size else 0.0
    return next((white for white in _WHITES[:-1] if mean <= white * _FAR_BEYOND), _WHITES[-1])
