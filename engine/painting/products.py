"""Products of matrices in float32, on processors where oneDNN is quicker than torch's own.

torch leaves them to MKL, which uses AVX-512 on Intel's processors alone: oneDNN takes half of its
time on others that have it, and 0.85 of it with AVX2. But it takes some 30 µs before it begins, so
that matrices of a few hundred rows and columns, as of moments in a basis, are multiplied as ever.
The name by which torch's compiler calls oneDNN is private, so that it is tried before it is relied
on.
"""

from functools import cache

import torch
from torch import Tensor

_LEAST_WIDTH = 16
"""Narrower ones wait for memory either way."""
_RIGHT = 1e-5
_MEASURED = ("AVX2", "AVX512")
"""On AMD's processors; Intel's with AVX2 alone were not."""


def is_quicker(width: int, one: Tensor) -> bool:
    """Whether `multiplied` serves for matrices like this one, with so many rows or columns.

    Not for those that autograd is to take back, as it does not know that product.
    """
    return (
        width >= _LEAST_WIDTH
        and not (torch.is_grad_enabled() and one.requires_grad)
        and one.device.type == "cpu"
        and one.dtype is torch.float32
        and is_right()
    )


def multiplied(rows: Tensor, others: Tensor, constant: Tensor | None = None) -> Tensor:
    """`rows @ others.mT` of [m, k] and [n, k], with `constant` [n] added to each row."""
    if not others.is_contiguous() and not others.mT.is_contiguous():
        others = others.contiguous()  # Or oneDNN takes a hundred times as long.
    made: Tensor = torch.ops.mkldnn._linear_pointwise(  # noqa: SLF001 (see the module)
        rows, others, constant, "none", [], ""
    )
    return made


@cache
def is_right() -> bool:
    """Whether torch has it here, it is rightly computed, and MKL would not be as quick."""
    if torch.backends.cpu.get_cpu_capability() not in _MEASURED:
        return False
    try:
        drawn = torch.Generator().manual_seed(0)  # not of the numbers that others draw
        rows, others = (torch.randn(size, 40, generator=drawn) for size in (33, 50))
        constant = torch.randn(50, generator=drawn)
        wanted = rows.double() @ others.double().mT + constant.double()
        by_strides = multiplied(rows.mT.contiguous().mT, others, constant)
        apart = [
            (one - wanted).norm() / wanted.norm()
            for one in (multiplied(rows, others, constant), by_strides)
        ]
    except (AttributeError, RuntimeError):
        return False
    return all(bool(one < _RIGHT) for one in apart)
