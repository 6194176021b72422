"""Calm parts of a picture: those with less local contrast than the others.

A sky, a wall or still water should be painted like the calm parts of the painting, not with
everything that occurs anywhere in it. This is guidance by masks (Gatys et al., Controlling
Perceptual Factors, 2017, §4), where local contrast makes the masks.
"""

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from torch import Tensor

from engine.painting.color import luminance

_SIDE_PX = 256
"""Pictures are reduced to this size first: what counts is what looks calm at a glance."""
_REACH = 1 / 32
"""Radius of the neighborhood, relative to the longer side."""
_LEVELS = 1 << 16
_EDGE = 8.0
"""Steepness of the sigmoid from calm to lively, over ranks 0..1."""


def calm_parts(pixels: Tensor) -> Tensor:
    """A soft mask of the calmer half of a picture, by the rank of the luma's local deviation.

    Args:
        pixels: [3, H, W] in sRGB.

    Returns:
        [h, w] in 0..1 on the CPU, of the picture's aspect and at most 256 px; 0.5 all over a flat
        picture.
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
    contrast = (contrast * _LEVELS).round()  # equal for flat parts, in spite of rounding errors
    return torch.sigmoid((0.5 - _ranks(contrast)) * _EDGE)[0, 0].float()


def _blurred(picture: Tensor, reach: int) -> Tensor:
    """Two box filters, with replication padding."""
    side = 2 * reach + 1
    for _ in range(2):
        around = F.pad(picture, (reach,) * 4, "replicate")
        picture = F.avg_pool2d(F.avg_pool2d(around, (1, side), 1), (side, 1), 1)
    return picture


def _ranks(values: Tensor) -> Tensor:
    """The rank of each value in 0..1: the share of smaller values, plus half that of equal ones."""
    ordered = values.flatten().sort().values
    less, least = (torch.searchsorted(ordered, values, right=right) for right in (False, True))
    return (less + least).to(values.dtype) / (2 * values.numel())
