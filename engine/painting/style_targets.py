"""What a style's layer is to be like: how far found moments are from it, and that loss' slopes.

The slopes are written out. The matrices are small, and autograd's bookkeeping took twice the time
of the work itself, in each iteration for each layer.
"""

from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from engine.networks.encoder import Basis
from engine.painting.statistics import LayerMoments

COVARIANCE_EPSILON = 1e-4
_NEWTON_STEPS = 20
_LEAST_VARIANCE = 1e-5
"""Added to a channel's variance, in parts of the target's mean square."""
_LEAST_SHARE = 0.01


class MomentsTarget(Protocol):
    """Moments of a style's features, as far as its layer's loss goes by them."""

    def loss(self, found: LayerMoments) -> tuple[Tensor, LayerMoments]:
        """The loss of found moments, and its slopes with respect to them."""


class GramTarget:
    """`weight` times ‖G − Ĝ‖² (Frobenius), with G = E[F Fᵀ]: Gatys, Ecker and Bethge 2016, eq. 4.

    Equal Gram matrices allow other means and deviations. So there stand beside it, with weights of
    their own, ‖μ − μ̂‖² / ‖μ̂‖² of the channels' means, and the same of their deviations.

    Args:
        target: the style's, in the basis.
        weight: of the matrices' distance.
        means: weight of the means'.
        deviations: weight of the deviations'.
        centered: covariances count in place of Gram matrices, and means do not count: what
            changes, wherever the means are.
        basis: into which found moments are mapped.
    """

    def __init__(
        self,
        target: LayerMoments,
        weight: Tensor,
        *,
        means: float = 0.0,
        deviations: float = 0.0,
        centered: bool = False,
        basis: Basis | None = None,
    ) -> None:
        self._centered, self._weight, self._twice = centered, weight, 2 * weight
        self._basis = None if basis is None else _like(target.mean, basis)
        self._second = (target.centered() if centered else target).second
        self._diagonal = self._second.diagonal()
        self.mean = target.mean
        self._means = None if centered or not means else means / _size(target, target.mean)
        self._least = target.second.diagonal().mean() * _LEAST_VARIANCE
        self._deviation = _deviations(_variances(target), self._least)
        size = _size(target, self._deviation)
        self._deviations = deviations / size if deviations else None
        # What of E[F Fᵀ] in the basis does not hang on F, beside the target.
        self._away = self._second
        if self._basis is not None and not centered:
            self._away = self._second + torch.outer(self._basis.bias, self._basis.bias)

    def loss(self, found: LayerMoments) -> tuple[Tensor, LayerMoments]:
        """See `MomentsTarget.loss`."""
        return self._of_covariance(found) if self._centered else self._of_gram(found)

    def _of_covariance(self, found: LayerMoments) -> tuple[Tensor, LayerMoments]:
        """With C = E[F Fᵀ] − μ μᵀ, in which the basis' bias cancels; its slope is symmetrical."""
        apart = self._mapped(found.centered().second)
        total, second, _ = self._slopes(apart, self._diagonal + apart.diagonal())
        if self._basis is not None:
            second = self._basis.weight.mT @ second @ self._basis.weight
        return total, LayerMoments(second, second @ found.mean * -2)

    def _of_gram(self, found: LayerMoments) -> tuple[Tensor, LayerMoments]:
        """With G = E[F Fᵀ]: W E[f fᵀ] Wᵀ + μ bᵀ + b μᵀ − b bᵀ in the basis W f + b."""
        apart, mean = self._mapped(found.second), found.mean
        if self._basis is not None:
            bias = self._basis.bias
            mean = torch.addmv(bias, self._basis.weight, mean)
            apart.addr_(mean, bias).addr_(bias, mean)
        variances = self._diagonal + apart.diagonal() - mean.square()
        total, second, each = self._slopes(apart, variances)
        slope = torch.zeros_like(mean) if each is None else each * mean * -2
        if self._means is not None:
            away = mean - self.mean
            total += self._means * away.square().sum()
            slope += 2 * self._means * away
        return total, _out_of(LayerMoments(second, slope), self._basis)

    def _mapped(self, second: Tensor) -> Tensor:
        """How far second moments are from the target, but for what bias and means make of them."""
        if self._basis is None:
            return second - self._away
        weight = self._basis.weight
        return torch.addmm(self._away, weight @ second, weight.mT, beta=-1)

    def _slopes(self, apart: Tensor, variances: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """The loss of matrices and deviations, and its slopes by matrix and, alone, by variances.

        `apart` is spent.
        """
        total = self._weight * apart.square().sum()
        second = apart.mul_(self._twice)
        if self._deviations is None:
            return total, second, None
        deviation = _deviations(variances, self._least)
        away = deviation - self._deviation
        total += self._deviations * away.square().sum()
        # Of a variance: ∂σ/∂(σ²) = 1 / 2σ; rounding may take one below zero.
        each = self._deviations * away / deviation * (variances >= 0)
        second.diagonal().add_(each)
        return total, second, each


class GaussianTarget:
    """`weight` times the squared 2-Wasserstein distance to Gaussians with the style's moments.

    ‖μ − μ̂‖² + tr(Σ + Σ̂ − 2 (Σ̂^½ Σ Σ̂^½)^½): Olkin and Pukelsheim 1982; for style transfer
    first in crowsonkb/style-transfer-pytorch. What can be worked out once is: the root of Σ̂.
    """

    def __init__(
        self, target: LayerMoments, weight: Tensor | float = 1.0, *, basis: Basis | None = None
    ) -> None:
        self._weight, self._basis = weight, basis
        target = _widest(target)
        self._mean = target.mean
        scale = target.second.diagonal().mean().clamp(min=torch.finfo(target.second.dtype).tiny)
        self.epsilon = COVARIANCE_EPSILON * scale
        covariance = _covariance(target, self.epsilon)
        self._trace = covariance.diagonal().sum()
        self._root = _root(covariance)

    def loss(self, found: LayerMoments) -> tuple[Tensor, LayerMoments]:
        """See `MomentsTarget.loss`."""
        leaves = [one.detach().requires_grad_() for one in (found.second, found.mean)]
        with torch.enable_grad():
            mine = LayerMoments(*leaves).in_basis(self._basis)
            total = self._weight * self._distance(mine)
            slopes = torch.autograd.grad(total, leaves)
        return total.detach(), LayerMoments(*slopes)

    def _distance(self, found: LayerMoments) -> Tensor:
        dtype, found = found.second.dtype, _widest(found)
        covariance = _covariance(found, self.epsilon)
        cross = _trace_of_root(self._root @ covariance @ self._root)
        means = (found.mean - self._mean).square().sum()
        distance = means + covariance.diagonal().sum() + self._trace - 2 * cross
        return distance.to(dtype)


def _out_of(slopes: LayerMoments, basis: Basis | None) -> LayerMoments:
    """Slopes with respect to moments, from those with respect to `in_basis` of them."""
    if basis is None:
        return slopes
    weight = basis.weight
    mean = torch.addmv(slopes.mean, slopes.second, basis.bias, alpha=2)
    return LayerMoments(weight.mT @ slopes.second @ weight, weight.mT @ mean)


def _like(mean: Tensor, basis: Basis) -> Basis:
    """A basis of the type, and where, a target's moments are."""
    return Basis(basis.weight.to(mean), basis.bias.to(mean))


def _size(target: LayerMoments, part: Tensor) -> Tensor:
    """‖part‖², but never little of E‖F‖², as a flat style has no deviations."""
    least = target.second.diagonal().sum() * _LEAST_SHARE
    return torch.maximum(part.square().sum(), least).clamp(min=torch.finfo(part.dtype).tiny)


def _variances(found: LayerMoments) -> Tensor:
    return found.second.diagonal() - found.mean.square()


def _deviations(variances: Tensor, least: Tensor) -> Tensor:
    """Roots of the variances; the slope of a channel that never changes stays finite."""
    return (variances.clamp(min=0) + least).sqrt()


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
