"""The learnt part of the `lite` network: a small convolution over the filters' answers.

Its outputs imitate what a large network's second block says about shapes, in a basis of their
own, few in number. `python -m engine.lite.train` makes the weights.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from safetensors.torch import load_file
from torch import Tensor

WEIGHTS = Path(__file__).parent / "forms.safetensors"
NEAR = 48
FORM2 = 48
Weights = Mapping[str, Tensor]


def shapes(widths: tuple[int, int]) -> dict[str, tuple[int, ...]]:
    """Shapes of all weights, for texture layers 1 and 2 of these widths."""
    first, second = widths
    return {
        "near.weight": (NEAR, first, 3, 3),
        "near.bias": (NEAR,),
        "form2.weight": (FORM2, first + second + NEAR, 1, 1),
        "form2.bias": (FORM2,),
    }


def load_forms() -> dict[str, Tensor]:
    """The weights that come with the package, in float32."""
    return {name: tensor.float() for name, tensor in load_file(WEIGHTS).items()}


def hidden(weights: Weights, texture1: Tensor, texture2: Tensor) -> Tensor:
    """What `form2` is read out from, at every second pixel.

    Args:
        weights: of the shapes that `shapes` says.
        texture1: answers of the filters at the picture's own size.
        texture2: answers at half its size.
    """
    halved = F.avg_pool2d(texture1, 2)
    padded = F.pad(halved, (1, 1, 1, 1), mode="replicate")
    near = F.conv2d(padded, weights["near.weight"], weights["near.bias"]).relu_()
    return torch.cat([halved, texture2, near], 1)


def read_out(weights: Weights, inputs: Tensor) -> Tensor:
    """The layer `form2`, from what `hidden` gives."""
    return F.conv2d(inputs, weights["form2.weight"], weights["form2.bias"])
