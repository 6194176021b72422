"""Content loss and total variation, with their gradients, as functions of tensors alone.

The style losses are in `engine.painting.style_targets`.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from torch import Tensor

from engine.networks.border import repeat_border
from engine.networks.encoder import Basis
from engine.painting.products import is_quicker, onednn_linear

_CACHED = 1 << 17
"""Values that are processed at a time on a CPU."""
_NEIGHBORS = ((0, 1, 2 / 3), (1, 0, 2 / 3), (1, 1, 1 / 6), (1, -1, 1 / 6))
"""Half of the eight neighbors: offset in rows and columns, and weight of the squared difference."""


def in_basis(features: Tensor, basis: Basis | None) -> Tensor:
    """`weight F + bias` [1, K, h, w] of features F [1, C, h, w]."""
    if basis is None:
        return features
    # A matrix product is faster than a 1 × 1 convolution.
    rows = features.movedim(1, -1)
    if is_quicker(len(basis.weight), rows) and rows.is_contiguous():
        made = onednn_linear(rows.flatten(0, 2), basis.weight, basis.bias)
        return made.view(*rows.shape[:3], -1).movedim(-1, 1)
    return F.linear(rows, basis.weight, basis.bias).movedim(-1, 1)


def from_basis(grad: Tensor, basis: Basis) -> Tensor:
    """The backward pass of `in_basis`: a gradient [1, C, h, w] from one [1, K, h, w]."""
    weight, rows = basis.weight.to(grad.dtype), grad.movedim(1, -1)
    if is_quicker(len(weight), rows) and rows.is_contiguous():
        made = onednn_linear(rows.flatten(0, 2), weight.mT)
        return made.view(*rows.shape[:3], -1).movedim(-1, 1)
    return (rows @ weight).movedim(-1, 1)


def content_loss(
    features: Tensor,
    target: Tensor,
    weights: Tensor,
    grad: Tensor,
    *,
    fresh: bool,
    basis: Basis | None = None,
) -> Tensor:
    """Σ w (F − P)² over all channels and positions, in float32 or wider, with its gradient.

    Gatys, Ecker and Bethge 2016, eq. 1, with weights. A CPU takes few channels or rows at a time,
    so that they stay in its cache.

    Args:
        features: F [1, C, h, w].
        target: P, likewise, or [1, K, h, w] in the basis.
        weights: w, [h, w], or [] for all positions alike.
        grad: like `features`, of any precision; the gradient is added to it in place.
        fresh: `grad` is uninitialized, and is overwritten instead of added to.
        basis: in which F is compared.
    """
    acc_dtype = torch.promote_types(features.dtype, torch.float32)
    total = torch.zeros((), dtype=acc_dtype, device=features.device)
    for place in _places(features, by_rows=basis is not None):
        difference = in_basis(features[place], basis).to(acc_dtype) - target[place].to(acc_dtype)
        weight = weights[place[2:]] if weights.ndim else weights
        total += (weight * difference.square()).sum()
        difference *= 2 * weight
        if basis is not None:
            difference = from_basis(difference.to(features.dtype), basis)
        grad[place].copy_(difference) if fresh else grad[place].add_(difference)
    return total


def _places(features: Tensor, *, by_rows: bool) -> Iterator[tuple[slice, ...]]:
    """Slices of [1, C, h, w] with all channels, or each of few values adjacent in memory."""
    whole = slice(None)
    if features.device.type != "cpu":
        yield whole, whole, whole, whole
        return
    _, channels, height, width = features.shape
    rows_apart = by_rows or features.stride(2) > features.stride(1)  # channels last
    count, each = (height, channels * width) if rows_apart else (channels, height * width)
    step = max(1, _CACHED // max(1, each))
    for start in range(0, count, step):
        part = slice(start, start + step)
        yield (whole, whole, part, whole) if rows_apart else (whole, part, whole, whole)


def variation(picture: Tensor, rows: slice, columns: slice) -> tuple[Tensor, Tensor]:
    """Squared differences to the eight neighbors, summed over some pixels, and the gradient.

    For a smooth picture this is (∂x)² + (∂y)² summed over the channels: axes have the weight 2/3,
    diagonals, which are √2 as long, 1/6 each. The border is replicated. The gradient is written
    out, as autograd would keep a copy of each step.

    Args:
        picture: [1, 3, H, W].
        rows: rows of the pixels to sum over.
        columns: columns of these pixels.

    Returns:
        The sum [], and its gradient like `picture`.
    """
    height, width = picture.shape[2:]
    x = repeat_border(picture, left=1, right=1, bottom=1)
    grad, total = torch.zeros_like(x), x.new_zeros(())
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
        grad[there] += difference
        grad[here] -= difference
    # The gradient of a replicated border belongs to the border itself.
    grad[..., height - 1, :] += grad[..., height, :]
    grad[..., 1] += grad[..., 0]
    grad[..., width] += grad[..., width + 1]
    return total, grad[..., :height, 1 : width + 1]
