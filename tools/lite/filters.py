"""Initial filters of the `lite` network's first layer: edges, lines, and noise."""

import math
from itertools import product

import torch
from torch import Tensor

# Luminance, red-blue and green-magenta. Photographs vary most in the first, so the others are
# weighted by half as much again for a painting's colors to come out.
_OPPONENTS = ((1 / 3, 1 / 3, 1 / 3), (0.5, 0.0, -0.5), (-0.25, 0.5, -0.25))
_GAINS = (1.0, 1.5, 1.5)
_PHASES = tuple(number * math.pi / 2 for number in range(4))
_LIGHT_FREQUENCY, _COLOR_FREQUENCY = 0.25, 0.2  # cycles a pixel
_LIGHT_DIRECTIONS, _COLOR_DIRECTIONS = 8, 4
_DRAWN_FROM = 96
_SEED = 0


def first_filters(count: int, size_px: int) -> Tensor:
    """Kernels [count, 3, size_px, size_px] on RGB, with zero mean; at most 96.

    Gabor functions of luminance and opponent colors in four phases each, as networks learn by
    themselves (Krizhevsky, Sutskever and Hinton 2012, figure 3), and windowed noise.
    """
    generator = torch.Generator().manual_seed(_SEED)
    designed = _gabors(size_px)
    drawn = torch.randn(_DRAWN_FROM, 3, size_px, size_px, generator=generator, dtype=torch.float64)
    every = torch.cat([designed, _zero_mean(drawn, _window(size_px))])[:_DRAWN_FROM]
    chosen = every[torch.randperm(_DRAWN_FROM, generator=generator)[:count]]
    opponents = torch.tensor(_OPPONENTS, dtype=torch.float64)
    gains = torch.tensor(_GAINS, dtype=torch.float64)
    return torch.einsum("nchw,c,cr->nrhw", chosen, gains, opponents).float()


def _gabors(size_px: int) -> Tensor:
    """Oriented edges and lines: luminance in eight directions, each color in four."""
    steps = torch.arange(size_px, dtype=torch.float64) - (size_px - 1) / 2
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    deviation = size_px / 4.2
    window = torch.exp(-(x.square() + y.square()) / (2 * deviation**2))
    filters = []
    for channel, count, frequency in (
        (0, _LIGHT_DIRECTIONS, _LIGHT_FREQUENCY),
        (1, _COLOR_DIRECTIONS, _COLOR_FREQUENCY),
        (2, _COLOR_DIRECTIONS, _COLOR_FREQUENCY),
    ):
        for number, phase in product(range(count), _PHASES):
            angle = math.pi * number / count
            along = x * math.cos(angle) + y * math.sin(angle)
            one = torch.zeros(3, size_px, size_px, dtype=torch.float64)
            one[channel] = torch.cos(2 * math.pi * frequency * along + phase)
            filters.append(one)
    return _zero_mean(torch.stack(filters), window)


def _zero_mean(filters: Tensor, window: Tensor) -> Tensor:
    """Windowed filters with zero mean in each color and unit norm."""
    filters = filters * window
    filters = filters - filters.sum((2, 3), keepdim=True) / window.sum() * window
    lengths: Tensor = filters.flatten(1).norm(dim=1)
    return filters / lengths[:, None, None, None]


def _window(size_px: int) -> Tensor:
    """A bell that is nearly zero at the filter's edge."""
    steps = torch.linspace(-1, 1, size_px, dtype=torch.float64) * size_px / (size_px + 1)
    bell = torch.exp(-2.0 * steps.square())
    return bell[:, None] * bell[None, :]
