"""Style statistics without the positions at a picture's border.

Padding tells a network where the border is. So Gram matrices know which colors a painting has along
each of its sides, and would ask for them in a strip of a few pixels along the same sides of the
picture, whatever is beside it. `Encoder.border` says how many positions are left out.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from engine.painting.moments import Weighting, all_moments
from engine.painting.picture import Size
from engine.painting.statistics import LayerMoments
from engine.painting.tiles import Region, guide_at

_LEAST_SIDE = 16
"""Positions along the shorter side from which on some are left out: of fewer, too few would be
left, and the border would stay unpainted."""
_LEAST_TOTAL = 1e-6


def inner_part(region: Region, size: Size, stride: int, border: int) -> Region:
    """The positions of a region that count, among those that it owns.

    Args:
        region: of the picture, whose inner edges are multiples of the stride.
        size: of the picture.
        stride: of the layer.
        border: positions of the layer to leave out at each side of the picture, unless it has few.
    """
    rows, columns = size[0] // stride, size[1] // stride
    if min(rows, columns) < _LEAST_SIDE:
        border = 0
    own = region.at_stride(stride)
    top, left = min(max(own.top, border), own.bottom), min(max(own.left, border), own.right)
    bottom = max(top, min(own.bottom, rows - border))
    right = max(left, min(own.right, columns - border))
    return Region(top, bottom, left, right).inside(own)


def inner_guide(guide: Tensor, region: Region, stride: int, inner: Region) -> Tensor:
    """The part of a guide [H, W] in a region, averaged to features; 0 at those left out."""
    found = guide_at(guide, region, stride)
    if stride == 1 and outside(found, inner):
        found = found.clone()  # else the guide itself would change
    for strip in outside(found, inner):
        strip.zero_()
    return found


def covered(guide: Tensor | None, size: Size, stride: int, border: int) -> float:
    """Sum of the weights of all positions of a layer; never zero."""
    whole = Region(0, size[0], 0, size[1])
    inner = inner_part(whole, size, stride, border)
    if guide is None:
        return float(inner.size[0] * inner.size[1])
    found = inner_guide(guide, whole, stride, inner)
    return max(float(found.cpu().sum(dtype=torch.float64)), _LEAST_TOTAL)


def outside(tensor: Tensor, inner: Region) -> list[Tensor]:
    """The parts of [..., h, w] above, below, left and right of an inner one; none is empty."""
    height, width = tensor.shape[-2:]
    parts = (
        Region(0, inner.top, 0, width),
        Region(inner.bottom, height, 0, width),
        Region(inner.top, inner.bottom, 0, inner.left),
        Region(inner.top, inner.bottom, inner.right, width),
    )
    return [part.of(tensor) for part in parts if min(part.size) > 0]


def inner_moments(
    features: Tensor, weightings: Sequence[Weighting], inner: Region
) -> list[LayerMoments]:
    """`all_moments` without the positions at the border, where guides are 0.

    What these add without a guide is subtracted, which is quicker than weighting all features.
    """
    found, strips = all_moments(features, weightings), outside(features[0], inner)
    whole = [number for number, by in enumerate(weightings) if by.guide is None]
    if not strips or not whole:
        return found
    rest = torch.cat([strip.flatten(1) for strip in strips], 1).to(found[0].mean.dtype)
    second, mean = rest @ rest.mT, rest.sum(1)
    for number in whole:
        all_of, total = found[number], weightings[number].total
        found[number] = LayerMoments(all_of.second - second / total, all_of.mean - mean / total)
    return found
