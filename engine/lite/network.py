"""The `lite` network: the convolutions of a narrow VGG, and linear readouts that imitate VGG-19.

Simonyan and Zisserman's pattern (ICLR 2015) of small convolutions in five blocks, with a fraction
of their channels, and with average pooling. Each reading is a linear map of one convolution's
output to a low-dimensional basis of its own, trained to imitate one layer of VGG-19.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from engine.networks.border import repeat_border

WEIGHTS = Path(__file__).parent / "weights.safetensors"
Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class Convolution:
    """One convolution with ReLU."""

    name: str
    """Key of its weights."""
    width: int
    """Output channels."""
    kernel_px: int
    """Side of its kernel, in features of its own octave."""
    octave: int
    """Number of poolings before it."""

    @property
    def stride_px(self) -> int:
        """Pixels of the picture from one feature to the next."""
        return 1 << self.octave


@dataclass(frozen=True)
class Reading:
    """A layer of the encoder: a linear readout of a convolution."""

    layer: str
    """Its name."""
    source: str
    """The convolution that it is read from."""
    imitates: str
    """The layer of VGG-19 that it was trained to imitate."""
    width: int
    """Number of its channels."""


CONVOLUTIONS = (
    Convolution("conv1", 16, 5, 0),
    Convolution("conv2a", 48, 3, 1),
    Convolution("conv2b", 64, 3, 1),
    Convolution("conv3a", 96, 3, 2),
    Convolution("conv3b", 128, 3, 2),
    Convolution("conv4a", 128, 3, 3),
    Convolution("conv4b", 160, 3, 3),
    Convolution("conv5a", 192, 3, 4),
    Convolution("conv5b", 192, 3, 4),
)
READINGS = (
    Reading("form1_2", "conv1", "relu1_2", 16),
    Reading("form2_2", "conv2b", "relu2_2", 48),
    Reading("form3_1", "conv3b", "relu3_1", 64),
    Reading("form3_3", "conv3b", "relu3_3", 64),
    Reading("form4_1", "conv4b", "relu4_1", 96),
    Reading("form4_2", "conv4b", "relu4_2", 96),
    Reading("form5_1", "conv5b", "relu5_1", 96),
)
LAYERS = tuple(reading.layer for reading in READINGS)
BY_LAYER = {reading.layer: reading for reading in READINGS}
BY_NAME = {convolution.name: convolution for convolution in CONVOLUTIONS}


def load_weights(file: Path = WEIGHTS) -> dict[str, Tensor]:
    """Weights in float32, of the package or of another safetensors file with the same names."""
    return {name: tensor.float() for name, tensor in load_file(file).items()}


def normalized(picture: Tensor) -> Tensor:
    """The network's input from a picture in 0..1: in −1..1, with replication padding for `conv1`.

    Zero padding would be a gray frame, which the style would paint.
    """
    reach = CONVOLUTIONS[0].kernel_px // 2
    return repeat_border(picture * 2 - 1, left=reach, right=reach, top=reach, bottom=reach)


def needed(layers: Collection[str]) -> tuple[Convolution, ...]:
    """The convolutions that these layers are read from, and all before them."""
    sources = {BY_LAYER[layer].source for layer in layers}
    last = max((n for n, each in enumerate(CONVOLUTIONS) if each.name in sources), default=-1)
    return CONVOLUTIONS[: last + 1]


def receptive_radius_px(convolutions: Collection[Convolution]) -> int:
    """Radius of the receptive field of these convolutions in a row, in pixels of the picture."""
    return sum(each.kernel_px // 2 * each.stride_px for each in convolutions)


def read_from(convolution: Convolution, layers: Collection[str]) -> list[str]:
    """Those of these layers that are read from this convolution."""
    return [name for name in layers if BY_LAYER[name].source == convolution.name]


@cache
def structure() -> str:
    """A text that identifies the architecture, part of the hash of the weights.

    It holds the names of the dataclasses above and of their fields, and so do the keys of shipped
    fingerprints and of checkpoints: renaming one makes all of these invalid.
    """
    return repr((CONVOLUTIONS, READINGS, "halved by means"))


def digest(weights: Weights) -> str:
    """SHA-256 of the structure and of the weights in half precision, as they are stored."""
    found = hashlib.sha256(structure().encode())
    for name in sorted(weights):
        found.update(weights[name].detach().cpu().to(torch.float16).numpy().tobytes())
    return found.hexdigest()
