"""The first filters of the `lite` network: designed, and drawn from a seed where they are not."""

import math
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

# Light, red against blue, green against magenta. Photographs vary most in the first, so the
# other two count half as much again for a painting's colours to come out.
_OPPONENTS = ((1 / 3, 1 / 3, 1 / 3), (0.5, 0.0, -0.5), (-0.25, 0.5, -0.25))
_GAINS = (1.0, 1.5, 1.5)
_PHASES = tuple(number * math.pi / 2 for number in range(4))
_LIGHT_FREQUENCY, _COLOUR_FREQUENCY = 0.25, 0.2  # cycles a pixel
_LIGHT_DIRECTIONS, _COLOUR_DIRECTIONS = 8, 4


@dataclass(frozen=True)
class FilterPlan:
    """What the filters are drawn from; together with the code this is the whole first layer.

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
    textures: int = 96
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

    Texture filters are Gabor functions of light and of the opponent colours in four phases
    each, and windowed noise; all with zero mean, in random order. (Ustyuzhaninov, Brendel,
    Gatys and Bethge 2017 show that such filters, rectified, are enough for textures.) Colour
    filters are random directions in colour.
    """
    generator = torch.Generator().manual_seed(plan.seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    opponents = torch.tensor(_OPPONENTS, dtype=torch.float64)
    gains = torch.tensor(_GAINS, dtype=torch.float64)
    designed = _gabors(plan.size_px)
    noise = _zero_mean(
        normal(plan.textures, 3, plan.size_px, plan.size_px), _window(plan.size_px, 2.0)
    )
    order = torch.randperm(len(designed), generator=generator)
    texture = torch.cat([designed[order], noise])[: plan.textures]
    texture = texture[torch.randperm(plan.textures, generator=generator)]
    directions = normal(plan.colours, 3)
    directions /= directions.norm(dim=1, keepdim=True)
    thresholds = torch.rand(plan.colours, generator=generator, dtype=torch.float64) * 2 - 1
    return Filters(
        texture=torch.einsum("nchw,c,cr->nrhw", texture, gains, opponents),
        texture_bias=normal(plan.textures) * plan.bias,
        colour=((directions * gains) @ opponents)[:, :, None, None],
        colour_bias=thresholds * plan.thresholds,
    )


def _gabors(size_px: int) -> Tensor:
    """Oriented edges and lines: of light in eight directions, of each colour in four."""
    steps = torch.arange(size_px, dtype=torch.float64) - (size_px - 1) / 2
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    deviation = size_px / 4.2
    window = torch.exp(-(x.square() + y.square()) / (2 * deviation**2))
    filters = []
    for channel, count, frequency in (
        (0, _LIGHT_DIRECTIONS, _LIGHT_FREQUENCY),
        (1, _COLOUR_DIRECTIONS, _COLOUR_FREQUENCY),
        (2, _COLOUR_DIRECTIONS, _COLOUR_FREQUENCY),
    ):
        for number, phase in product(range(count), _PHASES):
            angle = math.pi * number / count
            along = x * math.cos(angle) + y * math.sin(angle)
            one = torch.zeros(3, size_px, size_px, dtype=torch.float64)
            one[channel] = torch.cos(2 * math.pi * frequency * along + phase)
            filters.append(one)
    return _zero_mean(torch.stack(filters), window)


def _zero_mean(filters: Tensor, window: Tensor) -> Tensor:
    """Windowed, with zero mean in each colour and of length one."""
    filters = filters * window
    filters = filters - filters.sum((2, 3), keepdim=True) / window.sum() * window
    lengths: Tensor = filters.flatten(1).norm(dim=1)
    return filters / lengths[:, None, None, None]


def _window(size_px: int, steepness: float) -> Tensor:
    """A bell that is nearly zero at the filter's edge, so that no square shows through."""
    steps = torch.linspace(-1, 1, size_px, dtype=torch.float64) * size_px / (size_px + 1)
    bell = torch.exp(-steepness * steps.square())
    return bell[:, None] * bell[None, :]
