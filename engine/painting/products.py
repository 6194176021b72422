"""Float32 matrix products by oneDNN, on CPUs where it is faster than MKL.

torch leaves matrix products to MKL, which uses AVX-512 on Intel's CPUs only; on others oneDNN is
faster. Each call has a constant cost, so products of small matrices, as of moments in a basis, stay
with MKL. torch's name for oneDNN's linear layer is private, so it is tried before it is used.
"""

from functools import cache

import torch
from torch import Tensor

_LEAST_WIDTH = 16
"""Narrower matrices are limited by memory bandwidth with either library."""
_RIGHT = 1e-5
_MEASURED = ("AVX2", "AVX512")
"""Instruction sets that were measured, on AMD's CPUs."""


def is_quicker(width: int, one: Tensor) -> bool:
    """Whether to use `onednn_linear` for a matrix like `one`, with so many rows or columns.

    Never where autograd records, as it does not know that operator.
    """
    return (
        width >= _LEAST_WIDTH
        and not (torch.is_grad_enabled() and one.requires_grad)
        and one.device.type == "cpu"
        and one.dtype is torch.float32
        and is_right()
    )


def onednn_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """As `F.linear`, without autograd: `x @ weight.mT + bias` of [m, k], [n, k] and [n]."""
    if not weight.is_contiguous() and not weight.mT.is_contiguous():
        weight = weight.contiguous()  # Otherwise oneDNN is far slower.
    made: Tensor = torch.ops.mkldnn._linear_pointwise(  # noqa: SLF001 (see the module)
        x, weight, bias, "none", [], ""
    )
    return made


@cache
def is_right() -> bool:
    """Whether torch has the operator here, its results are right, and it is faster than MKL."""
    if torch.backends.cpu.get_cpu_capability() not in _MEASURED:
        return False
    try:
        drawn = torch.Generator().manual_seed(0)  # leaves torch's global generator alone
        x, weight = (torch.randn(size, 40, generator=drawn) for size in (33, 50))
        bias = torch.randn(50, generator=drawn)
        wanted = x.double() @ weight.double().mT + bias.double()
        by_strides = onednn_linear(x.mT.contiguous().mT, weight, bias)
        apart = [
            (one - wanted).norm() / wanted.norm()
            for one in (onednn_linear(x, weight, bias), by_strides)
        ]
    except (AttributeError, RuntimeError):
        return False
    return all(bool(one < _RIGHT) for one in apart)
