"""Calm parts of a picture: where less changes around a place than around most others.

A sky, a wall or still water is to be painted as the painting's calm parts are, and not with all
that it has anywhere (guided statistics: Gatys et al., Controlling Perceptual Factors, 2017, §4;
which part goes with which is found here by contrast).
"""

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from torch import Tensor

from engine.painting.color import luminance

_SIDE_PX = 256
"""It is looked for at this size at most: what is calm at a glance, whatever the picture's size."""
_REACH = 1 / 32
"""How far around a place is looked, in parts of the longer side."""
_LEVELS = 1 << 16
_EDGE = 8.0
"""Slope of the border between calm and lively, over the ranks 0..1."""


def calm_parts(pixels: Tensor) -> Tensor:
    """How far each place belongs to the calmer half of a picture, [h, w] in 0..1, on the CPU.

    By the rank of the local deviation of the luma; of a picture that is alike everywhere all places
    are half calm. It is of the picture's shape, but of 256 px at most.

    Args:
        pixels: [3, H, W] of sRGB.
    """
    small = pixels[None].float().cpu()
    share = _SIDE_PX / max(pixels.shape)
    if share < 1:
        reduced = [max(1, round(side * share)) for side in pixels.shape[1:]]
        small = F.interpolate(small, reduced, mode="area")
    luma = luminance(small).double()
    reach = max(1, round(max(luma.shape[-2:]) * _REACH))
    variance = _blurred(luma.square(), reach) - _blurred(luma, reach).square()
    contrast = _blurred(variance.clamp(min=0).sqrt(), reach)
    contrast = (contrast * _LEVELS).round()  # What is flat is alike, but for rounding.
    return torch.sigmoid((0.5 - _ranks(contrast)) * _EDGE)[0, 0].float()


def _blurred(picture: Tensor, reach: int) -> Tensor:
    """Two boxes one after the other, with the border repeated."""
    side = 2 * reach + 1
    for _ in range(2):
        around = F.pad(picture, (reach,) * 4, "replicate")
        picture = F.avg_pool2d(F.avg_pool2d(around, (1, side), 1), (side, 1), 1)
    return picture


def _ranks(values: Tensor) -> Tensor:
    """The share of values that are less, those that are equal by half."""
    ordered = values.flatten().sort().values
    less, least = (torch.searchsorted(ordered, values, right=right) for right in (False, True))
    return (less + least).to(values.dtype) / (2 * values.numel())
