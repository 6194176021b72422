"""A decoded picture before its colours are brought to sRGB, and what its file says of them."""

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
    """The file says nothing, or sRGB."""


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
    """Brightest pixel of the picture, where the file tells it."""


@dataclass(frozen=True)
class Calibrated:
    """A power function and chromaticities, as PNG's gAMA and cHRM give them."""

    exponent: float
    """From samples to light: 2.2 for a gAMA of 0.45455."""
    primaries: Primaries | None = None
    """Those of sRGB where the file tells none."""


Color: TypeAlias = Srgb | Profiled | Coded | Calibrated


@dataclass(frozen=True, eq=False)
class Raster:
    """What a reader got out of a file."""

    samples: Samples
    """[H, W, C], with alpha as the last channel where there is one."""
    model: Model
    """What the channels are; Lab is that of ImageCms, with a and b around 128."""
    white: float = 255
    """The sample that is white, all ink, or opaque; 0 is black, no ink or transparent."""
    has_alpha: bool = False
    """Whether the last channel is alpha; colors are not multiplied by it."""
    color: Color = Srgb()
    """What the file says of the colors."""
    orientation: int = 1
    """As Exif counts: 1 is upright, 6 is to be turned clockwise."""
    notes: tuple[Sentence, ...] = ()
    """What its owner may want to know."""

    def __post_init__(self) -> None:
        expected = CHANNELS[self.model] + self.has_alpha
        if self.samples.ndim != 3 or self.samples.shape[2] != expected:
            raise ValueError(f"{self.model} with {self.samples.shape}")


def from_array(array: Samples, **said: Any) -> Raster:
    """A raster of 1 to 4 channels: gray or RGB, with alpha or without."""
    if array.ndim == 2:
        array = array[:, :, None]
    channels = array.shape[2]
    model: Model = "gray" if channels <= 2 else "rgb"
    return Raster(np.asarray(array), model, has_alpha=channels in {2, 4}, **said)
