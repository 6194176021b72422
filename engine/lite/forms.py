"""The learnt part of the `lite` network: three small convolutions over the filters' answers.

Its outputs imitate what a large network's second and third blocks say about shapes, in a basis
of their own, few in number. `python -m engine.lite.train` makes the weights.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from safetensors.torch import load_file
from torch import Tensor

WEIGHTS = Path(__file__).parent / "forms.safetensors"
NEAR, MIDDLE, FAR = 48, 96, 96
FORM2, FORM3 = 48, 64
Weights = Mapping[str, Tensor]


def shapes(widths: tuple[int, int, int]) -> dict[str, tuple[int, ...]]:
    """Shapes of all weights, for texture layers 1 to 3 of these widths."""
    first, second, third = widths
    return {
        "near.weight": (NEAR, first, 3, 3),
        "near.bias": (NEAR,),
        "middle.weight": (MIDDLE, NEAR + second + third, 3, 3),
        "middle.bias": (MIDDLE,),
        "far.weight": (FAR, MIDDLE, 3, 3),
        "far.bias": (FAR,),
        "form2.weight": (FORM2, first + second + NEAR, 1, 1),
        "form2.bias": (FORM2,),
        "form3.weight": (FORM3, NEAR + second + third + MIDDLE + FAR, 1, 1),
        "form3.bias": (FORM3,),
    }


def load_forms() -> dict[str, Tensor]:
    """The weights that come with the package, in float32."""
    return {name: tensor.float() for name, tensor in load_file(WEIGHTS).items()}


def forms2(weights: Weights, texture1: Tensor, texture2: Tensor) -> tuple[Tensor, Tensor]:
    """Inputs of `form2` at every second pixel, and the hidden features that `forms3` goes on from.

    Args:
        weights: of the shapes that `shapes` says.
        texture1: answers of the filters at the picture's own size.
        texture2: answers at half its size.
    """
    halved = F.avg_pool2d(texture1, 2)
    near = _convolved(halved, weights, "near")
    return torch.cat([halved, texture2, near], 1), near


def forms3(weights: Weights, near: Tensor, texture2: Tensor, texture3: Tensor) -> Tensor:
    """Inputs of `form3`, at every fourth pixel; arguments as in `forms2`."""
    below = torch.cat([F.avg_pool2d(torch.cat([near, texture2], 1), 2), texture3], 1)
    middle = _convolved(below, weights, "middle")
    far = _convolved(middle, weights, "far")
    return torch.cat([below, middle, far], 1)


def read_out(weights: Weights, name: str, inputs: Tensor) -> Tensor:
    """The outputs `form2` or `form3` from their inputs."""
    return F.conv2d(inputs, weights[f"{name}.weight"], weights[f"{name}.bias"])


def _convolved(x: Tensor, weights: Weights, name: str) -> Tensor:
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
    return F.conv2d(padded, weights[f"{name}.weight"], weights[f"{name}.bias"]).relu_()
