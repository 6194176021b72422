"""The filters of the `lite` network: drawn from a seed, so that no file of weights is needed."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

# Light, red against blue, green against magenta. Photographs vary most in the first, so the
# other two count half as much again for a painting's colours to come out.
_OPPONENTS = ((1 / 3, 1 / 3, 1 / 3), (0.5, 0.0, -0.5), (-0.25, 0.5, -0.25))
_GAINS = (1.0, 1.5, 1.5)


@dataclass(frozen=True)
class FilterPlan:
    """What the filters are drawn from; together with the code this is the whole network.

    Attributes:
        seed: of the random numbers.
        size_px: width of a texture filter, odd.
        textures: number of texture filters; finer octaves take the first of them only.
        colours: number of colour filters (1 × 1).
        bias: standard deviation of the texture filters' biases.
        thresholds: colour filters start to answer at −thresholds … thresholds.
    """

    seed: int = 0
    size_px: int = 5
    textures: int = 128
    colours: int = 32
    bias: float = 0.02
    thresholds: float = 0.3


@dataclass(frozen=True, eq=False)
class Filters:
    """Kernels [C, 3, k, k] on RGB minus one half, and biases [C], in float64."""

    texture: Tensor
    texture_bias: Tensor
    colour: Tensor
    colour_bias: Tensor


def draw_filters(plan: FilterPlan) -> Filters:
    """The filters of a plan: the same ones on every machine.

    Texture filters are windowed noise with zero mean, one draw for each opponent colour
    (Ustyuzhaninov, Brendel, Gatys and Bethge 2017 show that such filters, rectified, are
    enough for textures). Colour filters are random directions in the same space.
    """
    generator = torch.Generator().manual_seed(plan.seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    opponents = torch.tensor(_OPPONENTS, dtype=torch.float64)
    gains = torch.tensor(_GAINS, dtype=torch.float64)
    window = _window(plan.size_px)
    texture = normal(plan.textures, 3, plan.size_px, plan.size_px) * window
    texture -= texture.sum((2, 3), keepdim=True) / window.sum() * window
    texture /= texture.flatten(1).norm(dim=1)[:, None, None, None]
    directions = normal(plan.colours, 3)
    directions /= directions.norm(dim=1, keepdim=True)
    thresholds = torch.rand(plan.colours, generator=generator, dtype=torch.float64) * 2 - 1
    return Filters(
        texture=torch.einsum("nchw,c,cr->nrhw", texture, gains, opponents),
        texture_bias=normal(plan.textures) * plan.bias,
        colour=((directions * gains) @ opponents)[:, :, None, None],
        colour_bias=thresholds * plan.thresholds,
    )


def _window(size_px: int) -> Tensor:
    """A bell that is nearly zero at the filter's edge, so that no square shows through."""
    steps = torch.linspace(-1, 1, size_px, dtype=torch.float64) * size_px / (size_px + 1)
    bell = torch.exp(-2 * steps.square())
    window = bell[:, None] * bell[None, :]
    return window / math.sqrt(float(window.square().sum()))
