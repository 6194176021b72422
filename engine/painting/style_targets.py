"""The style loss of one layer: the distance of moments to the style's, and its gradient.

The gradients are written out. The matrices are small, so autograd's bookkeeping would take longer
than the work itself, in each iteration for each layer.
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
"""Added to a channel's variance, relative to the target's mean square."""
_LEAST_SHARE = 0.01


class MomentsTarget(Protocol):
    """The style loss of one layer, as a function of moments."""

    def loss(self, found: LayerMoments) -> tuple[Tensor, LayerMoments]:
        """The loss [] of moments, and its gradient with respect to them."""


class GramTarget:
    """`weight` times ‖G − Ĝ‖² (Frobenius), with G = E[F Fᵀ]: Gatys, Ecker and Bethge 2016, eq. 4.

    Equal Gram matrices allow other means and deviations. So ‖μ − μ̂‖² / ‖μ̂‖² of the channels'
    means and the same of their standard deviations are added, with weights of their own.

    Args:
        target: moments of the style, in the basis.
        weight: of the distance of the Gram matrices.
        means: weight of the distance of the means.
        deviations: weight of the distance of the standard deviations.
        centered: compare covariances instead of Gram matrices, and no means.
        basis: to map the picture's moments into.
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
        self._basis = None
        if basis is not None:
            self._basis = Basis(basis.weight.to(target.mean), basis.bias.to(target.mean))
        self._second = (target.centered() if centered else target).second
        self._diagonal = self._second.diagonal()
        self.mean = target.mean
        self._means = None if centered or not means else means / _size(target, target.mean)
        self._least = target.second.diagonal().mean() * _LEAST_VARIANCE
        variances = target.second.diagonal() - target.mean.square()
        self._deviation = _deviations(variances, self._least)
        size = _size(target, self._deviation)
        self._deviations = deviations / size if deviations else None
        # Subtracted from E[F Fᵀ] in the basis: the target, and b bᵀ, which does not depend on F.
        self._away = self._second
        if self._basis is not None and not centered:
            self._away = self._second + torch.outer(self._basis.bias, self._basis.bias)

    def loss(self, found: LayerMoments) -> tuple[Tensor, LayerMoments]:
        """See `MomentsTarget.loss`."""
        return self._of_covariance(found) if self._centered else self._of_gram(found)

    def _of_covariance(self, found: LayerMoments) -> tuple[Tensor, LayerMoments]:
        """With C = E[F Fᵀ] − μ μᵀ, in which the bias of the basis cancels; ∂/∂C is symmetric."""
        apart = self._mapped(found.centered().second)
        total, second, _ = self._grads(apart, self._diagonal + apart.diagonal())
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
        total, second, each = self._grads(apart, variances)
        grad = torch.zeros_like(mean) if each is None else each * mean * -2
        if self._means is not None:
            away = mean - self.mean
            total += self._means * away.square().sum()
            grad += 2 * self._means * away
        return total, _grads_before_basis(LayerMoments(second, grad), self._basis)

    def _mapped(self, second: Tensor) -> Tensor:
        """Second moments in the basis minus the target, without the terms of bias and mean."""
        if self._basis is None:
            return second - self._away
        weight = self._basis.weight
        return torch.addmm(self._away, weight @ second, weight.mT, beta=-1)

    def _grads(self, apart: Tensor, variances: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """The loss of matrix and deviations, and its gradients by matrix and by variances.

        The memory of `apart` is reused. The variances' gradient is also added to the diagonal of
        the matrix'; None without a loss of deviations.
        """
        total = self._weight * apart.square().sum()
        second = apart.mul_(self._twice)
        if self._deviations is None:
            return total, second, None
        deviation = _deviations(variances, self._least)
        away = deviation - self._deviation
        total += self._deviations * away.square().sum()
        # ∂σ/∂(σ²) = 1 / 2σ; none where rounding has made a variance negative.
        each = self._deviations * away / deviation * (variances >= 0)
        second.diagonal().add_(each)
        return total, second, each


class GaussianTarget:
    """`weight` times the squared 2-Wasserstein distance to Gaussians with the style's moments.

    ‖μ − μ̂‖² + tr(Σ + Σ̂ − 2 (Σ̂^½ Σ Σ̂^½)^½): Olkin and Pukelsheim 1982; for style transfer
    first in crowsonkb/style-transfer-pytorch. The square root of Σ̂ is computed only once.
    """

    def __init__(
        self, target: LayerMoments, weight: Tensor | float = 1.0, *, basis: Basis | None = None
    ) -> None:
        self._weight, self._basis = weight, basis
        target = _in_float64(target)
        self._mean = target.mean
        scale = target.second.diagonal().mean().clamp(min=torch.finfo(target.second.dtype).tiny)
        self.epsilon = COVARIANCE_EPSILON * scale
        covariance = _covariance(target, self.epsilon)
        self._trace = covariance.diagonal().sum()
        self._sqrtm = _sqrtm(covariance)

    def loss(self, found: LayerMoments) -> tuple[Tensor, LayerMoments]:
        """See `MomentsTarget.loss`."""
        leaves = [one.detach().requires_grad_() for one in (found.second, found.mean)]
        with torch.enable_grad():
            mine = LayerMoments(*leaves).in_basis(self._basis)
            total = self._weight * self._distance(mine)
            grads = torch.autograd.grad(total, leaves)
        return total.detach(), LayerMoments(*grads)

    def _distance(self, found: LayerMoments) -> Tensor:
        dtype, found = found.second.dtype, _in_float64(found)
        covariance = _covariance(found, self.epsilon)
        cross = _trace_of_sqrtm(self._sqrtm @ covariance @ self._sqrtm)
        means = (found.mean - self._mean).square().sum()
        distance = means + covariance.diagonal().sum() + self._trace - 2 * cross
        return distance.to(dtype)


def _grads_before_basis(grads: LayerMoments, basis: Basis | None) -> LayerMoments:
    """The backward pass of `LayerMoments.in_basis`."""
    if basis is None:
        return grads
    weight = basis.weight
    mean = torch.addmv(grads.mean, grads.second, basis.bias, alpha=2)
    return LayerMoments(weight.mT @ grads.second @ weight, weight.mT @ mean)


def _size(target: LayerMoments, part: Tensor) -> Tensor:
    """‖part‖², but at least a small share of E‖F‖²: a flat style has no deviations."""
    least = target.second.diagonal().sum() * _LEAST_SHARE
    return torch.maximum(part.square().sum(), least).clamp(min=torch.finfo(part.dtype).tiny)


def _deviations(variances: Tensor, least: Tensor) -> Tensor:
    """Standard deviations; `least` keeps the gradient of a constant channel finite."""
    return (variances.clamp(min=0) + least).sqrt()


def _in_float64(moments: LayerMoments) -> LayerMoments:
    """The moments in float64, except on MPS, which has none.

    Near the target the distance is a small difference of large traces, and its gradient grows with
    the inverse square root of small eigenvalues: float32 leaves few digits of either.
    """
    device = moments.mean.device
    return moments if device.type == "mps" else moments.to(device, torch.float64)


def _covariance(found: LayerMoments, epsilon: Tensor) -> Tensor:
    covariance = found.second - torch.outer(found.mean, found.mean)
    eye = torch.eye(covariance.shape[0], dtype=covariance.dtype, device=covariance.device)
    return covariance + epsilon * eye


class _TraceOfSqrtm(torch.autograd.Function):
    """tr(M^½) of a symmetric positive definite M; its gradient is ½ M^−½."""

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
        root, inverse = _newton_schulz_sqrtm(matrix)
        ctx.save_for_backward(inverse)
        return root.diagonal().sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (inverse,) = ctx.saved_tensors
        found: Tensor = 0.5 * grad * inverse
        return found


def _trace_of_sqrtm(matrix: Tensor) -> Tensor:
    symmetrical = (matrix + matrix.mT) / 2
    found: Tensor = _TraceOfSqrtm.apply(symmetrical)
    return found


def _sqrtm(matrix: Tensor) -> Tensor:
    if matrix.device.type == "cpu":
        values, vectors = torch.linalg.eigh(matrix)
        root: Tensor = (vectors * values.clamp(min=0).sqrt()) @ vectors.mT
        return root
    return _newton_schulz_sqrtm(matrix)[0]


def _newton_schulz_sqrtm(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """M^½ and M^−½ by Newton–Schulz iteration: only products, as GPUs like; MPS has no eigh."""
    norm = torch.linalg.matrix_norm(matrix)
    y = matrix / norm
    eye = torch.eye(matrix.shape[0], dtype=matrix.dtype, device=matrix.device)
    z = eye
    for _ in range(_NEWTON_STEPS):
        step = (3 * eye - z @ y) / 2
        y, z = y @ step, step @ z
    return y * norm.sqrt(), z / norm.sqrt()
