"""Replication padding with a deterministic, quick backward pass."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def repeat_border(
    x: Tensor, *, left: int = 0, right: int = 0, top: int = 0, bottom: int = 0
) -> Tensor:
    """Pad [..., H, W] by repeating its border rows and columns.

    The same as torch's `pad(mode="replicate")`. The backward pass of that one adds in no fixed
    order on CUDA, so the same run would not always end with the same picture.
    """
    made: Tensor = _RepeatBorder.apply(x, (left, right, top, bottom))
    return made


class _RepeatBorder(torch.autograd.Function):
    """Recorded step by step, each repeated row would have a gradient as large as the picture."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, widths: tuple[int, int, int, int]) -> Tensor:
        left, right, top, bottom = ctx.widths = widths
        rows = [x[..., :1, :]] * top + [x] + [x[..., -1:, :]] * bottom
        x = torch.cat(rows, -2) if len(rows) > 1 else x
        columns = [x[..., :1]] * left + [x] + [x[..., -1:]] * right
        return torch.cat(columns, -1) if len(columns) > 1 else x.view_as(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        left, right, top, bottom = ctx.widths
        width, height = grad.shape[-1] - right, grad.shape[-2] - bottom
        found = grad[..., left:width].clone()
        found[..., 0] += grad[..., :left].sum(-1)
        found[..., -1] += grad[..., width:].sum(-1)
        inner = found[..., top:height, :]
        inner[..., 0, :] += found[..., :top, :].sum(-2)
        inner[..., -1, :] += found[..., height:, :].sum(-2)
        return inner, None
