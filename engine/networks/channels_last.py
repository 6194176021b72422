"""Parts of frozen networks in the channels-last layout, with quicker backward passes on a CPU.

The weights need no gradient. A gradient that arrives is held by nothing else: the function after
this one returned it, or a hook made it. So its memory can be reused.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from torch import Tensor
from torch.autograd.function import once_differentiable

_SIDE = 2
"""Side of the squares of pixels whose gradients are computed as one position."""
_LARGE = 1 << 18
"""Values from which on memory matters more than what a call of Python costs."""


@dataclass(frozen=True, eq=False)
class FirstConvolution:
    """The convolution that takes the padded picture, then ReLU.

    oneDNN computes whole vectors of channels, eight or sixteen, of which the gradient of three
    channels wastes most. So the pixels of each square are computed as the channels of one position.
    """

    weight: Tensor
    """[out, in, side, side]."""
    bias: Tensor
    """[out]."""

    def __call__(self, x: Tensor) -> Tensor:
        """[N, in, h, w] to [N, out, h', w'], both channels last."""
        if x.requires_grad and x.device.type == "cpu" and _has_wide_vectors():
            made: Tensor = _FirstConvRelu.apply(x, self)
            return made
        return F.conv2d(x, self.weight, self.bias).relu_()

    @cached_property
    def of_squares(self) -> Tensor:
        """The transposed convolution's kernel, from pairs of columns to the pixels of squares.

        [square · square · in, pair · out, rows, pairs of columns]
        """
        outputs, inputs, side, _ = self.weight.shape
        taps = side + _SIDE - 1
        pairs = -(-taps // _SIDE)
        kernel = self.weight.new_zeros(_SIDE, _SIDE, inputs, taps, pairs * _SIDE, outputs)
        turned = self.weight.flip(2, 3).permute(1, 2, 3, 0)
        for row in range(_SIDE):
            for column in range(_SIDE):
                kernel[row, column, :, row : row + side, column : column + side] = turned
        kernel = kernel.view(_SIDE**2 * inputs, taps, pairs, _SIDE * outputs)
        return kernel.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def relu_(x: Tensor) -> Tensor:
    """ReLU in place; the backward pass of large features is in place, too."""
    if x.numel() < _LARGE or x.device.type != "cpu" or not x.requires_grad:
        return x.relu_()
    made: Tensor = _Relu.apply(x)
    return made


def avg_pool(x: Tensor) -> Tensor:
    """2 × 2 average pooling; an odd last row or column is dropped."""
    if x.device.type != "cpu" or not x.requires_grad:
        return F.avg_pool2d(x, 2)
    made: Tensor = _AvgPool.apply(x)
    return made


@cache
def _has_wide_vectors() -> bool:
    return torch.backends.cpu.get_cpu_capability() in {"AVX2", "AVX512"}


class _FirstConvRelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, convolution: FirstConvolution) -> Tensor:
        made = F.conv2d(x, convolution.weight, convolution.bias).relu_()
        ctx.convolution = convolution
        ctx.save_for_backward(made)
        return made

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (made,) = ctx.saved_tensors
        kernel = ctx.convolution.of_squares
        inputs, side = ctx.convolution.weight.shape[1:3]
        count, outputs, height, width = grad.shape
        across, down = (-(-(size + side - 1) // _SIDE) for size in (width, height))
        rows = _SIDE * (down - 1) + kernel.shape[2]
        columns = _SIDE * (across - 1 + kernel.shape[3])
        first, below, right = side - 1, side - 1 + height, side - 1 + width
        padded = grad.new_empty(count, rows, columns, outputs)
        for strip in (padded[:, :first], padded[:, below:]):
            strip.zero_()
        for strip in (padded[:, first:below, :first], padded[:, first:below, right:]):
            strip.zero_()
        inner = padded[:, first:below, first:right].permute(0, 3, 1, 2)
        torch.ops.aten.threshold_backward.grad_input(grad, made, 0, grad_input=inner)
        pairs = padded.view(count, rows, columns // _SIDE, _SIDE * outputs).permute(0, 3, 1, 2)
        found = F.conv2d(pairs, kernel, stride=(_SIDE, 1))
        squares = found.permute(0, 2, 3, 1).view(count, down, across, _SIDE, _SIDE, inputs)
        pixels = squares.permute(0, 5, 1, 3, 2, 4).reshape(count, inputs, _SIDE * down, -1)
        return pixels[:, :, : height + side - 1, : width + side - 1], None


class _Relu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.mark_dirty(x)
        x.relu_()
        ctx.save_for_backward(x)
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (made,) = ctx.saved_tensors
        if grad.stride() != made.stride():  # such as an expanded zero
            found: Tensor = torch.ops.aten.threshold_backward(grad, made, 0)
            return found
        torch.ops.aten.threshold_backward.grad_input(grad, made, 0, grad_input=grad)
        return grad


class _AvgPool(torch.autograd.Function):
    """torch's own backward pass fills the gradient with zeros first, and then adds."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.size = x.shape[2:]
        return F.avg_pool2d(x, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        found = F.interpolate(grad * 0.25, scale_factor=2, mode="nearest")
        below, aside = (size % 2 for size in ctx.size)
        return F.pad(found, (0, aside, 0, below)) if below or aside else found
