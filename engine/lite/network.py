"""The `lite` network's convolutions: a narrow VGG, and what is read out from it.

Simonyan and Zisserman's pattern (ICLR 2015) of small convolutions in five blocks, with a fraction
of their widths, and with means of 2 × 2 for their maxima. Each reading is a linear map of one
convolution's answers that imitates a layer of VGG19, in a basis of its own, few in number.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
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
    """Number of its outputs."""
    kernel_px: int
    """Width of its kernel, in features of its own octave."""
    octave: int
    """Halvings of the picture before it."""

    @property
    def stride_px(self) -> int:
        """Pixels of the picture from one feature to the next."""
        return 1 << self.octave


@dataclass(frozen=True)
class Reading:
    """A layer that the painter may ask for."""

    layer: str
    """Its name."""
    source: str
    """The convolution that it is read from."""
    imitates: str
    """The layer of VGG19 that it was taught by."""
    width: int
    """Number of its features."""


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
    """Weights in float32: those that come with the package, or of another file of the kind."""
    return {name: tensor.float() for name, tensor in load_file(file).items()}


def centered(picture: Tensor) -> Tensor:
    """The network's input from a picture in 0..1: −1..1, the border repeated for `conv1`.

    Zeros there would be a grey frame that the style then tries to paint.
    """
    reach = CONVOLUTIONS[0].kernel_px // 2
    return repeat_border(picture * 2 - 1, left=reach, right=reach, top=reach, bottom=reach)


def halved(x: Tensor) -> Tensor:
    """The mean of each 2 × 2.

    A maximum hands its slope to one pixel of four, the same one over whole skies.
    """
    return F.avg_pool2d(x, 2)


def needed(layers: Collection[str]) -> tuple[Convolution, ...]:
    """The convolutions that these layers are read from, and all before them."""
    sources = {BY_LAYER[layer].source for layer in layers}
    last = max((n for n, each in enumerate(CONVOLUTIONS) if each.name in sources), default=-1)
    return CONVOLUTIONS[: last + 1]


def reach_of(convolutions: Collection[Convolution]) -> int:
    """How far from a feature's own square pixels lie that still change it, by these."""
    return sum(each.kernel_px // 2 * each.stride_px for each in convolutions)


def octave_of(
    weights: Weights, convolutions: Sequence[Convolution], x: Tensor, layers: Collection[str]
) -> tuple[dict[str, Tensor], Tensor]:
    """What the named layers are read from, and what the last of an octave's convolutions says.

    Of x [N, C, h, w], for the first octave of `centered` pictures.
    """
    dtype = weights[f"{convolutions[0].name}.weight"].dtype
    x = x.to(dtype).contiguous(memory_format=torch.channels_last)
    found: dict[str, Tensor] = {}
    for convolution in convolutions:
        weight, bias = weights[f"{convolution.name}.weight"], weights[f"{convolution.name}.bias"]
        around = 0 if convolution is CONVOLUTIONS[0] else convolution.kernel_px // 2
        x = F.conv2d(x, weight, bias, padding=around).relu_()
        found |= dict.fromkeys(read_from(convolution, layers), x)
    return found, x


def read_from(convolution: Convolution, layers: Collection[str]) -> list[str]:
    """Those of the layers that are read from this convolution."""
    return [name for name in layers if BY_LAYER[name].source == convolution.name]


@cache
def structure() -> str:
    """A text that tells this network from one built otherwise.

    The names of its classes are in it, and so in fingerprints and checkpoints.
    """
    return repr((CONVOLUTIONS, READINGS, "halved by means"))


def digest(weights: Weights) -> str:
    """SHA-256 of the structure and of the weights as they are stored, in half precision."""
    found = hashlib.sha256(structure().encode())
    for name in sorted(weights):
        found.update(weights[name].detach().cpu().to(torch.float16).numpy().tobytes())
    return found.hexdigest()
