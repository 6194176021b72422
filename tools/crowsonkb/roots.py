"""The program's matrix square roots computed by eigenvalues, which is much faster.

The program takes roots of symmetric matrices by twelve Newton-Schulz iterations, forward and, for a
Lyapunov equation, backward. Both are polynomials in the matrix, so in its eigenbasis they are the
same iterations on scalars. That is what is computed here, so the result equals the program's even
where twelve iterations have not converged.
"""

from typing import Any

import torch
from torch import Tensor


class RootByEigenvalues(torch.autograd.Function):
    """The square root [N, N] of a symmetric matrix, as after twelve iterations."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, iterations: int) -> Tensor:
        """The root; its own gradient is in `backward`."""
        values, vectors = torch.linalg.eigh(matrix)
        size = matrix.square().sum().sqrt()
        found, other = values / size, torch.ones_like(values)
        for _ in range(iterations):
            turn = (3 - other * found) / 2
            found, other = found * turn, turn * other
        found = found * size.sqrt()
        ctx.save_for_backward(found, vectors)
        ctx.iterations = iterations
        whole: Tensor = (vectors * found) @ vectors.T
        return whole

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        """The gradient with respect to the matrix, by as many iterations."""
        (grad,) = grads
        values, vectors = ctx.saved_tensors
        size = values.square().sum().sqrt()
        found = values / size
        factor = _factor(found, ctx.iterations) / (2 * size)
        # The gradient of a trace is a multiple of the identity in any basis.
        if torch.equal(grad, torch.eye(len(grad)) * grad[0, 0]):
            return (vectors * (factor.diagonal() * grad[0, 0])) @ vectors.T, None
        inner = vectors.T @ grad @ vectors * factor
        return vectors @ inner @ vectors.T, None


def root(matrix: Tensor, num_iters: int = 10) -> Tensor:
    """Same signature as in the program: one matrix [N, N], or a batch of one."""
    if matrix.ndim == 2:
        made: Tensor = RootByEigenvalues.apply(matrix, num_iters)
        return made
    return torch.stack([root(one, num_iters) for one in matrix])


def _factor(values: Tensor, iterations: int) -> Tensor:
    """The factor by which the backward iterations multiply a gradient in the eigenbasis."""
    factor = torch.ones(len(values), len(values))
    for _ in range(iterations):
        factor *= (
            3 - values.square()[None] - values.square()[:, None] + values[None] * values[:, None]
        ) / 2
        values = values * (3 - values.square()) / 2
    return factor
