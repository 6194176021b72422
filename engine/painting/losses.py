"""The losses, each a function of tensors alone.

Style losses see nothing but moments of the features (`LayerMoments`), so that these can be
gathered tile by tile. Content and total variation are sums over positions.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from engine.networks.border import repeat_border
from engine.painting.statistics import LayerMoments

COVARIANCE_EPSILON = 1e-4
_NEWTON_STEPS = 20
_BLOCKS, _LEAST_BLOCK = 16, 1024


class _Moments(torch.autograd.Function):
    """Σ g F Fᵀ / total and Σ g F / total; the way back costs one product, not two."""

    @staticmethod
    def forward(
        ctx: Any, features: Tensor, guide: Tensor | None, total: float
    ) -> tuple[Tensor, Tensor]:
        rows = _rows(features)
        if guide is None and rows.dtype is torch.bfloat16:
            second, mean = _sums_of_blocks(rows, total)
        elif guide is None:
            # Scaled before the product, so that no sum is larger than the result.
            scaled = rows * total**-0.5
            second, mean = scaled.mT @ scaled, rows.mean(0) * (rows.shape[0] / total)
        else:
            rows = _widened(rows)
            share = guide.reshape(-1, 1).to(rows.dtype) / total
            second, mean = rows.mT @ (rows * share), (rows * share).sum(0)
        ctx.save_for_backward(features, guide)
        ctx.total = total
        return second, mean

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, second: Tensor, mean: Tensor) -> tuple[Tensor, None, None]:
        features, guide = ctx.saved_tensors
        return moments_slope(features, guide, ctx.total, LayerMoments(second, mean)), None, None


def moments(features: Tensor, guide: Tensor | None, total: float) -> LayerMoments:
    """Share of `features` [1, C, h, w] in the moments, each position counting by `guide` [h, w].

    Args:
        features: of a picture or of a tile of it.
        guide: 0..1 for each position; None counts each as 1.
        total: sum of the guide over the whole picture, so that the shares of all tiles add up.
    """
    second, mean = _Moments.apply(features, guide, total)
    return LayerMoments(second, mean)


def moments_slope(
    features: Tensor, guide: Tensor | None, total: float, slopes: LayerMoments
) -> Tensor:
    """The features' slope [1, C, h, w], from the slopes of what `moments` makes of them."""
    rows = _rows(features)
    both = ((slopes.second + slopes.second.mT) / total).to(rows.dtype)
    slope = torch.addmm((slopes.mean[None] / total).to(rows.dtype), rows, both)
    if guide is not None:
        slope *= guide.reshape(-1, 1).to(slope.dtype)
    _, channels, height, width = features.shape
    shaped = slope.to(features.dtype).view(1, height, width, channels)
    return shaped.permute(0, 3, 1, 2)


def gram_distance(found: LayerMoments, target: LayerMoments) -> Tensor:
    """‖G − Ĝ‖² (Frobenius), with G = E[F Fᵀ]: Gatys, Ecker and Bethge 2016, eq. 4."""
    return (found.second - target.second).square().sum()


def wasserstein_distance(found: LayerMoments, target: "GaussianTarget") -> Tensor:
    """Squared 2-Wasserstein distance of Gaussians with the features' means and covariances.

    ‖μ − μ̂‖² + tr(Σ + Σ̂ − 2 (Σ̂^½ Σ Σ̂^½)^½): Olkin and Pukelsheim 1982; for style transfer
    first in crowsonkb/style-transfer-pytorch.
    """
    covariance = _covariance(found, target.epsilon)
    between = target.root @ covariance @ target.root
    cross = _trace_of_root(between)
    means = (found.mean - target.mean).square().sum()
    return means + covariance.diagonal().sum() + target.trace - 2 * cross


class GaussianTarget:
    """A style's Gaussian with what of it can be worked out once: the root of its covariance."""

    def __init__(self, target: LayerMoments) -> None:
        self.mean = target.mean
        scale = target.second.diagonal().mean().clamp(min=torch.finfo(target.second.dtype).tiny)
        self.epsilon = COVARIANCE_EPSILON * scale
        covariance = _covariance(target, self.epsilon)
        self.trace = covariance.diagonal().sum()
        self.root = _root(covariance)


def content_difference(features: Tensor, target: Tensor) -> Tensor:
    """F − P in float32 or wider; the content loss is the sum of its squares."""
    wide = torch.float64 if features.dtype is torch.float64 else torch.float32
    return features.to(wide) - target.to(wide)


def variation(picture: Tensor) -> Tensor:
    """Squared differences to the eight neighbours, for each pixel: [H, W].

    For a smooth picture this is (∂x)² + (∂y)² summed over the channels: the axes count 2/3,
    the diagonals, whose differences are √2 as long, 1/6 each. The border repeats.
    """
    x = repeat_border(picture, left=1, right=1, bottom=1)
    here = x[..., :-1, 1:-1]
    right = (x[..., :-1, 2:] - here).square()
    below = (x[..., 1:, 1:-1] - here).square()
    falling = (x[..., 1:, 2:] - here).square()
    rising = (x[..., 1:, :-2] - here).square()
    return ((right + below) * (2 / 3) + (falling + rising) * (1 / 6)).sum((0, 1))


def _rows(features: Tensor) -> Tensor:
    """[positions, channels], without a copy where memory lies so.

    In float32 or wider, but for bf16 features on a CPU, which multiplies these five times faster
    than it widens them and multiplies then.
    """
    rows = features[0].permute(1, 2, 0).reshape(-1, features.shape[1])
    narrow = features.dtype is torch.bfloat16 and features.device.type == "cpu"
    return rows if narrow else _widened(rows)


def _widened(rows: Tensor) -> Tensor:
    return rows.to(torch.float64 if rows.dtype is torch.float64 else torch.float32)


def _sums_of_blocks(rows: Tensor, total: float) -> tuple[Tensor, Tensor]:
    """Σ F Fᵀ / total and Σ F / total of bf16 rows, in float32.

    Products of bf16 are summed in float32 within, but rounded at the end; so they are taken by
    blocks, whose results are summed in float32. That errs by some 5e-4, a tenth of what bf16
    features themselves err by.
    """
    count, channels = rows.shape
    second = torch.zeros(channels, channels, device=rows.device)
    mean = torch.zeros(1, channels, device=rows.device)
    for block in torch.split(rows, max(_LEAST_BLOCK, -(-count // _BLOCKS))):
        second += block.mT @ block
        mean += block.new_ones(1, block.shape[0]) @ block
    return second / total, mean[0] / total


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
