"""The losses, each a function of tensors alone.

Style losses see nothing but moments of the features (`LayerMoments`), so that these can be
gathered tile by tile. Content and total variation are sums over positions.
"""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from torch import Tensor
from torch.autograd.function import once_differentiable

from engine.networks.border import repeat_border
from engine.networks.encoder import Basis
from engine.painting.products import is_quicker, multiplied
from engine.painting.statistics import LayerMoments

COVARIANCE_EPSILON = 1e-4
_NEWTON_STEPS = 20
_LEAST_VARIANCE = 1e-5
"""Added to a channel's variance, in parts of the target's mean square."""
_LEAST_SHARE = 0.01
_BLOCKS, _LEAST_BLOCK = 16, 1024
_NEIGHBORS = ((0, 1, 2 / 3), (1, 0, 2 / 3), (1, 1, 1 / 6), (1, -1, 1 / 6))
"""One of each pair of neighbours, rows and columns away, and what its difference counts."""
_BAND, _PART = 1 << 17, 1 << 13
"""Positions that are worked on at a time."""


def moments(features: Tensor, guide: Tensor | None, total: float) -> LayerMoments:
    """Share of `features` [1, C, h, w] in the moments, each position counting by `guide` [h, w].

    Args:
        features: of a picture or of a tile of it.
        guide: 0..1 for each position; None counts each as 1.
        total: sum of the guide over the whole picture, so that the shares of all tiles add up.
    """
    wide, channels = _wide(features.dtype), features.shape[1]
    columns = _columns(features)
    if guide is None and columns is not None:
        # By products of the layout that they come in.
        quick = is_quicker(channels, columns)
        second = multiplied(columns, columns) if quick else columns @ columns.mT
        return LayerMoments(second / total, columns.sum(1) / total)
    second = torch.zeros(channels, channels, dtype=wide, device=features.device)
    mean = torch.zeros(channels, dtype=wide, device=features.device)
    if guide is not None and columns is not None:
        counts = guide.reshape(-1).to(wide)
        for place in _parts(columns.shape[1]):
            weighted = columns[:, place] * counts[place]
            second.addmm_(columns[:, place], weighted.mT)
            mean += weighted.sum(1)
        return LayerMoments(second / total, mean / total)
    for top, bottom in _bands(features):
        rows = _rows(features[:, :, top:bottom])
        weighted = rows
        if guide is not None:
            weighted = rows * guide[top:bottom].reshape(-1, 1).to(rows.dtype)
        if rows.dtype is wide:
            second, mean = second.addmm(rows.mT, weighted), mean + weighted.sum(0)
        else:
            products, sums = _sums_of_blocks(rows, weighted)
            second, mean = second + products, mean + sums
    return LayerMoments(second / total, mean / total)


def add_moments_slope(
    slope: Tensor,
    features: Tensor,
    guide: Tensor | None,
    total: float,
    slopes: LayerMoments,
    *,
    fresh: bool = False,
) -> None:
    """Add the features' slope, from the slopes of what `moments` makes of them.

    Args:
        slope: [1, C, h, w], like `features`; is changed.
        features: as for `moments`, like the other two.
        guide: likewise.
        total: likewise.
        slopes: with respect to the moments.
        fresh: `slope` holds nothing yet, and is overwritten.
    """
    dtype = _row_dtype(features)
    columns, into = _columns(features), _columns(slope)
    if columns is not None and into is not None:
        _add_to_columns(into, columns, guide, total, slopes, fresh=fresh)
        return
    both = ((slopes.second + slopes.second.mT) / total).to(dtype)
    constant = (slopes.mean[None] / total).to(dtype)
    for top, bottom in _bands(features):
        part, mine = features[:, :, top:bottom], slope[:, :, top:bottom]
        positions = mine[0].permute(1, 2, 0)
        if fresh and guide is None and positions.is_contiguous() and mine.dtype is dtype:
            torch.addmm(constant, _rows(part), both, out=positions.view(-1, features.shape[1]))
            continue
        rows = _rows(part)
        if is_quicker(len(both), rows):
            found = multiplied(rows, both, constant[0])  # It is symmetrical.
        else:
            found = torch.addmm(constant, rows, both)
        if guide is not None:
            found *= guide[top:bottom].reshape(-1, 1).to(found.dtype)
        shaped = found.view(positions.shape)
        positions.copy_(shaped) if fresh else positions.add_(shaped)


def _add_to_columns(
    into: Tensor,
    columns: Tensor,
    guide: Tensor | None,
    total: float,
    slopes: LayerMoments,
    *,
    fresh: bool,
) -> None:
    """`add_moments_slope` by products of the layout that features come in."""
    each = (slopes.second + slopes.second.mT) / total
    # Gram matrices alone leave the means without a slope.
    constant = slopes.mean[:, None] / total if bool(slopes.mean.any()) else None
    if guide is None:
        if not fresh and is_quicker(len(each) // 2, columns):
            into.add_(multiplied(each, columns.mT))
        else:
            into.addmm_(each, columns, beta=0 if fresh else 1)
        if constant is not None:
            into.add_(constant)
        return
    counts = guide.reshape(-1).to(into.dtype)
    for place in _parts(columns.shape[1]):
        found = each @ columns[:, place]
        found = found if constant is None else found.add_(constant)
        found *= counts[place]
        into[:, place].copy_(found) if fresh else into[:, place].add_(found)


def gram_distance(found: LayerMoments, target: LayerMoments) -> Tensor:
    """‖G − Ĝ‖² (Frobenius), with G = E[F Fᵀ]: Gatys, Ecker and Bethge 2016, eq. 4."""
    return (found.second - target.second).square().sum()


def mean_distance(found: LayerMoments, target: LayerMoments) -> Tensor:
    """‖μ − μ̂‖² over ‖μ̂‖², of the channels' means."""
    return (found.mean - target.mean).square().sum() / _size(target, target.mean)


def deviation_distance(found: LayerMoments, target: LayerMoments) -> Tensor:
    """‖σ − σ̂‖² over ‖σ̂‖², of the channels' deviations."""
    least = target.second.diagonal().mean() * _LEAST_VARIANCE
    mine, wanted = _deviations(found, least), _deviations(target, least)
    return (mine - wanted).square().sum() / _size(target, wanted)


def wasserstein_distance(found: LayerMoments, target: "GaussianTarget") -> Tensor:
    """Squared 2-Wasserstein distance of Gaussians with the features' means and covariances.

    ‖μ − μ̂‖² + tr(Σ + Σ̂ − 2 (Σ̂^½ Σ Σ̂^½)^½): Olkin and Pukelsheim 1982; for style transfer
    first in crowsonkb/style-transfer-pytorch.
    """
    dtype, found = found.second.dtype, _widest(found)
    covariance = _covariance(found, target.epsilon)
    between = target.root @ covariance @ target.root
    cross = _trace_of_root(between)
    means = (found.mean - target.mean).square().sum()
    distance = means + covariance.diagonal().sum() + target.trace - 2 * cross
    return distance.to(dtype)


class GaussianTarget:
    """A style's Gaussian with what of it can be worked out once: the root of its covariance."""

    def __init__(self, target: LayerMoments) -> None:
        target = _widest(target)
        self.mean = target.mean
        scale = target.second.diagonal().mean().clamp(min=torch.finfo(target.second.dtype).tiny)
        self.epsilon = COVARIANCE_EPSILON * scale
        covariance = _covariance(target, self.epsilon)
        self.trace = covariance.diagonal().sum()
        self.root = _root(covariance)


def in_basis(features: Tensor, basis: Basis | None) -> Tensor:
    """`weight F + bias` [1, K, h, w] of features F [1, C, h, w]."""
    if basis is None:
        return features
    # A product, which takes half the time of a convolution of 1 × 1.
    return F.linear(features.movedim(1, -1), basis.weight, basis.bias).movedim(-1, 1)


def from_basis(slope: Tensor, basis: Basis) -> Tensor:
    """The slope [1, C, h, w] of features, from that [1, K, h, w] of them in a basis."""
    weight = basis.weight.to(slope.dtype)
    return (slope.movedim(1, -1) @ weight).movedim(-1, 1)


def content_difference(features: Tensor, target: Tensor) -> Tensor:
    """F − P in float32 or wider; the content loss is the sum of its squares."""
    wide = _wide(features.dtype)
    return features.to(wide) - target.to(wide)


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


def _size(target: LayerMoments, part: Tensor) -> Tensor:
    """‖part‖², but never little of E‖F‖², as a flat style has no deviations."""
    least = target.second.diagonal().sum() * _LEAST_SHARE
    return torch.maximum(part.square().sum(), least).clamp(min=torch.finfo(part.dtype).tiny)


def _deviations(found: LayerMoments, least: Tensor) -> Tensor:
    """Roots of the variances; the slope of a channel that never changes stays finite."""
    variances = found.second.diagonal() - found.mean.square()
    return (variances.clamp(min=0) + least).sqrt()


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype is torch.float64 else torch.float32


def _bands(features: Tensor) -> Iterator[tuple[int, int]]:
    """Rows from top to bottom, few enough at a time for copies of them to take little memory."""
    height, width = features.shape[2:]
    step = max(1, _BAND // max(1, width))
    for top in range(0, height, step):
        yield top, min(height, top + step)


def _parts(count: int) -> Iterator[slice]:
    """Positions, so few at a time that what is made of them stays in the cache."""
    return (slice(start, start + _PART) for start in range(0, count, _PART))


def _columns(features: Tensor) -> Tensor | None:
    """[channels, positions] where memory lies so, on a CPU in float32 or wider; else None."""
    laid = features.is_contiguous() and features.shape[1] > 1
    if not laid or features.device.type != "cpu" or features.dtype is not _wide(features.dtype):
        return None
    return features[0].view(features.shape[1], -1)


def _rows(features: Tensor) -> Tensor:
    """[positions, channels], without a copy where memory lies so."""
    return features[0].permute(1, 2, 0).reshape(-1, features.shape[1]).to(_row_dtype(features))


def _row_dtype(features: Tensor) -> torch.dtype:
    """Float32 or wider, but for bf16 features on a CPU.

    It multiplies these five times faster than it widens them and multiplies then.
    """
    narrow = features.dtype is torch.bfloat16 and features.device.type == "cpu"
    return features.dtype if narrow else _wide(features.dtype)


def _sums_of_blocks(rows: Tensor, weighted: Tensor) -> tuple[Tensor, Tensor]:
    """Σ g F Fᵀ and Σ g F of bf16 rows F and g F, in float32.

    Products of bf16 are summed in float32 within, but rounded at the end; so they are taken by
    blocks, whose results are summed in float32. That errs by some 5e-4, a tenth of what bf16
    features themselves err by.
    """
    count, channels = rows.shape
    second = torch.zeros(channels, channels, device=rows.device)
    mean = torch.zeros(1, channels, device=rows.device)
    size = max(_LEAST_BLOCK, -(-count // _BLOCKS))
    for block, counted in zip(torch.split(rows, size), torch.split(weighted, size), strict=True):
        second += block.mT @ counted
        mean += block.new_ones(1, block.shape[0]) @ counted
    return second, mean[0]


def _widest(moments: LayerMoments) -> LayerMoments:
    """In float64 where the device has it.

    Of near Gaussians the distance is a small difference of large traces, and its slope goes with
    the inverse root of small eigenvalues: float32 leaves little of either.
    """
    device = moments.mean.device
    return moments if device.type == "mps" else moments.to(device, torch.float64)


def _covariance(found: LayerMoments, epsilon: Tensor) -> Tensor:
    covariance = found.second - torch.outer(found.mean, found.mean)
    eye = torch.eye(covariance.shape[0], dtype=covariance.dtype, device=covariance.device)
    return covariance + epsilon * eye


class _TraceOfRoot(torch.autograd.Function):
    """tr(M^½) of a symmetrical positive M; its slope is ½ M^−½."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor) -> Tensor:
        if matrix.device.type == "cpu":
            values, vectors = torch.linalg.eigh(matrix)
            floor = values.amax() * torch.finfo(matrix.dtype).eps
            roots = values.clamp(min=floor).sqrt()
            inverse = (vectors / roots) @ vectors.mT
            ctx.save_for_backward(inverse)
            total: Tensor = roots.sum()
            return total
        root, inverse = _newton_roots(matrix)
        ctx.save_for_backward(inverse)
        return root.diagonal().sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        (inverse,) = ctx.saved_tensors
        found: Tensor = 0.5 * slope * inverse
        return found


def _trace_of_root(matrix: Tensor) -> Tensor:
    symmetrical = (matrix + matrix.mT) / 2
    found: Tensor = _TraceOfRoot.apply(symmetrical)
    return found


def _root(matrix: Tensor) -> Tensor:
    if matrix.device.type == "cpu":
        values, vectors = torch.linalg.eigh(matrix)
        root: Tensor = (vectors * values.clamp(min=0).sqrt()) @ vectors.mT
        return root
    return _newton_roots(matrix)[0]


def _newton_roots(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """M^½ and M^−½ by Newton and Schulz: products alone, as GPUs like and MPS has only these."""
    norm = torch.linalg.matrix_norm(matrix)
    y = matrix / norm
    eye = torch.eye(matrix.shape[0], dtype=matrix.dtype, device=matrix.device)
    z = eye
    for _ in range(_NEWTON_STEPS):
        step = (3 * eye - z @ y) / 2
        y, z = y @ step, step @ z
    return y * norm.sqrt(), z / norm.sqrt()
