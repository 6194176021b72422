"""The losses, each a function of tensors alone.

Content and total variation are sums over positions; what style's see of the features is in
`engine.painting.moments`.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from torch import Tensor

from engine.networks.border import repeat_border
from engine.networks.encoder import Basis
from engine.painting.products import is_quicker, multiplied

_CACHED = 1 << 17
"""Numbers that are worked on at a time on a CPU."""
_NEIGHBORS = ((0, 1, 2 / 3), (1, 0, 2 / 3), (1, 1, 1 / 6), (1, -1, 1 / 6))
"""One of each pair of neighbours, rows and columns away, and what its difference counts."""


def in_basis(features: Tensor, basis: Basis | None) -> Tensor:
    """`weight F + bias` [1, K, h, w] of features F [1, C, h, w]."""
    if basis is None:
        return features
    # A product, which takes half the time of a convolution of 1 × 1.
    rows = features.movedim(1, -1)
    if is_quicker(len(basis.weight), rows) and rows.is_contiguous():
        made = multiplied(rows.flatten(0, 2), basis.weight, basis.bias)
        return made.view(*rows.shape[:3], -1).movedim(-1, 1)
    return F.linear(rows, basis.weight, basis.bias).movedim(-1, 1)


def from_basis(slope: Tensor, basis: Basis) -> Tensor:
    """The slope [1, C, h, w] of features, from that [1, K, h, w] of them in a basis."""
    weight, rows = basis.weight.to(slope.dtype), slope.movedim(1, -1)
    if is_quicker(len(weight), rows) and rows.is_contiguous():
        made = multiplied(rows.flatten(0, 2), weight.mT)
        return made.view(*rows.shape[:3], -1).movedim(-1, 1)
    return (rows @ weight).movedim(-1, 1)


def content_loss(
    features: Tensor, target: Tensor, counts: Tensor, slope: Tensor, *, fresh: bool
) -> Tensor:
    """Σ counts (F − P)² over all positions, in float32 or wider; its slope goes into `slope`.

    On a CPU few of a tile's channels or rows at a time, as they then stay in the cache.

    Args:
        features: F [1, C, h, w].
        target: P, likewise.
        counts: [h, w], how much each position counts; or one number [] for all.
        slope: like `features`, of any precision; is changed.
        fresh: `slope` holds nothing yet, and is overwritten.
    """
    wide = torch.promote_types(features.dtype, torch.float32)
    total = torch.zeros((), dtype=wide, device=features.device)
    for place in _places(features):
        difference = features[place].to(wide) - target[place].to(wide)
        weight = counts[place[2:]] if counts.ndim else counts
        total += (weight * difference.square()).sum()
        difference *= 2 * weight
        slope[place].copy_(difference) if fresh else slope[place].add_(difference)
    return total


def _places(features: Tensor) -> Iterator[tuple[slice, ...]]:
    """Parts of [1, C, h, w], each of few numbers that lie together."""
    whole = slice(None)
    if features.device.type != "cpu":
        yield whole, whole, whole, whole
        return
    _, channels, height, width = features.shape
    rows_apart = features.stride(2) > features.stride(1)  # pixels of all channels lie together
    count, each = (height, channels * width) if rows_apart else (channels, height * width)
    step = max(1, _CACHED // max(1, each))
    for start in range(0, count, step):
        part = slice(start, start + step)
        yield (whole, whole, part, whole) if rows_apart else (whole, part, whole, whole)


def variation(picture: Tensor, rows: slice, columns: slice) -> tuple[Tensor, Tensor]:
    """Squared differences to the eight neighbours, summed over some pixels; and its slope.

    For a smooth picture this is (∂x)² + (∂y)² summed over the channels: the axes count 2/3,
    the diagonals, whose differences are √2 as long, 1/6 each. The border repeats. Written out, as
    autograd would keep a copy at each step.

    Args:
        picture: [1, 3, H, W].
        rows: of the pixels that count.
        columns: likewise.

    Returns:
        The sum, and its slope like `picture`.
    """
    height, width = picture.shape[2:]
    x = repeat_border(picture, left=1, right=1, bottom=1)
    slope, total = torch.zeros_like(x), x.new_zeros(())
    top, bottom, _ = rows.indices(height)
    left, right, _ = columns.indices(width)
    here = (..., slice(top, bottom), slice(left + 1, right + 1))
    for down, aside, share in _NEIGHBORS:
        there = (
            ...,
            slice(top + down, bottom + down),
            slice(left + 1 + aside, right + 1 + aside),
        )
        difference = x[there] - x[here]
        total += share * difference.square().sum()
        difference *= 2 * share
        slope[there] += difference
        slope[here] -= difference
    # What leans on a repeated border leans on the border itself.
    slope[..., height - 1, :] += slope[..., height, :]
    slope[..., 1] += slope[..., 0]
    slope[..., width] += slope[..., width + 1]
    return total, slope[..., :height, 1 : width + 1]
