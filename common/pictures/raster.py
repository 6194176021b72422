"""A decoded picture before conversion to sRGB, with the color information of its file."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from common.sentences import Sentence

Samples: TypeAlias = NDArray[Any]
"""[H, W, C] of uint8, uint16 or float32."""
Model: TypeAlias = Literal["gray", "rgb", "cmyk", "lab"]
CHANNELS: dict[Model, int] = {"gray": 1, "rgb": 3, "cmyk": 4, "lab": 3}
Primaries: TypeAlias = tuple[float, float, float, float, float, float, float, float]
"""x and y of white, red, green and blue, in the order of PNG's cHRM."""


@dataclass(frozen=True)
class Srgb:
    """No color information, or sRGB."""


@dataclass(frozen=True)
class Profiled:
    """An ICC profile."""

    icc: bytes


@dataclass(frozen=True)
class Coded:
    """Code points of ITU-T H.273, as cICP, nclx and the like give them."""

    primaries: int
    """1 is BT.709 and sRGB, 9 is BT.2020, 12 is Display P3."""
    transfer: int
    """8 is linear, 13 is sRGB, 16 is PQ, 18 is HLG."""
    peak_nits: float | None = None
    """Brightest pixel of the picture in cd/m²; None if unknown."""


@dataclass(frozen=True)
class Calibrated:
    """A power function and chromaticities, as PNG's gAMA and cHRM give them."""

    exponent: float
    """Exponent from samples to linear light: 2.2 for a gAMA of 0.45455."""
    primaries: Primaries | None = None
    """None for those of sRGB."""


Color: TypeAlias = Srgb | Profiled | Coded | Calibrated


@dataclass(frozen=True, eq=False)
class Raster:
    """The result of a reader."""

    samples: Samples
    """[H, W, C]; the last channel is alpha if `has_alpha`."""
    model: Model
    """The meaning of the channels; Lab is that of ImageCms, with a and b around 128."""
    white: float = 255
    """The sample value of white, full ink, or opaque; 0 is black, no ink, or transparent."""
    has_alpha: bool = False
    """Whether the last channel is alpha; colors are not premultiplied."""
    color: Color = Srgb()
    """The file's color information."""
    orientation: int = 1
    """As in Exif: 1 is upright, 6 must be turned clockwise."""
    notes: tuple[Sentence, ...] = ()
    """Notes for its owner."""

    def __post_init__(self) -> None:
        expected = CHANNELS[self.model] + self.has_alpha
        if self.samples.ndim != 3 or self.samples.shape[2] != expected:
            raise ValueError(f"{self.model} with {self.samples.shape}")


def from_array(array: Samples, **said: Any) -> Raster:
    """A raster of 1 to 4 channels: gray or RGB, with or without alpha."""
    if array.ndim == 2:
        array = array[:, :, None]
    channels = array.shape[2]
    model: Model = "gray" if channels <= 2 else "rgb"
    return Raster(np.asarray(array), model, has_alpha=channels in {2, 4}, **said)
