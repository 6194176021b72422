"""Frozen convolutions of 3 × 3 by Winograd's transform, on processors where that is quicker.

torch ships NNPACK (Lavin and Gray 2016, F(6 × 6, 3 × 3)), which needs a third of the products that
oneDNN's direct convolutions take. Its name in torch is private, so that it is tried before it is
relied on.

Features are [1, C, h, w] with rows of pixels together. Kernels are frozen, so that the way back is
the same convolution with the kernel turned; ReLU's is taken in place; and where a maximum follows
and nobody asks for the layer, its features are never kept, as those of the maximum tell all.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from torch import Tensor
from torch.autograd.function import once_differentiable

_TILE = 12
"""Rows that NNPACK computes at once, or twice as many."""
_BYTES_PER_VALUE = 4 * (8 / 6) ** 2
"""What NNPACK takes for a while for each number that goes in or comes out."""
_MOST_BYTES = 24 << 20
"""Of these at a time. Fewer stay in the processor's cache; fewer still are told the kernel anew too
often."""
_RIGHT = 1e-4
_LEAST_CHANNELS = {"AVX2": 128, "AVX512": 256}
"""Of a network's widest convolution, by instructions; others were not measured."""


@dataclass(frozen=True, eq=False)
class Kernel:
    """The weights of one convolution, [outputs, inputs, side, side], with its bias [outputs]."""

    weight: Tensor
    bias: Tensor
    around: int = 1
    """Zeros on each side of what it is given; 0 where the border is there already."""

    @cached_property
    def turned(self) -> "Kernel":
        """The convolution that takes slopes back."""
        weight = self.weight.flip(2, 3).transpose(0, 1).contiguous()
        around = weight.shape[2] - 1 - self.around
        return Kernel(weight, self.bias.new_zeros(weight.shape[0]), around)

    def __call__(self, x: Tensor) -> Tensor:
        """[1, inputs, h, w] to [1, outputs, h', w'], some rows at a time."""
        outputs, inputs, side, _ = self.weight.shape
        less = side - 1 - 2 * self.around
        height, width = x.shape[2] - less, x.shape[3] - less
        row_bytes = (inputs + outputs) * width * _BYTES_PER_VALUE
        # A whole number of tiles, so that bands compute what the whole would, to the last bit.
        rows = max(2 * _TILE, int(_MOST_BYTES / row_bytes) // _TILE * _TILE)
        if rows >= height:
            return _nnpack(x.contiguous(), self, self.around)
        made = x.new_empty(1, outputs, height, width)
        for top in range(0, height, rows):
            bottom = min(height, top + rows)
            first, last = top - self.around, bottom - self.around + side - 1
            band = x[:, :, max(0, first) : last]
            above, below = max(0, -first), max(0, last - x.shape[2])
            band = F.pad(band, (0, 0, above, below)) if above or below else band.contiguous()
            made[:, :, top:bottom] = _nnpack(band, self, 0)
        return made


def relu_of(x: Tensor, kernel: Kernel) -> Tensor:
    """A convolution of [1, C, h, w] and ReLU."""
    made: Tensor = _Relu.apply(x, kernel)
    return made


def maximum_of(x: Tensor, kernel: Kernel | None) -> Tensor:
    """A convolution, ReLU and the maximum of each 2 × 2; the maximum alone without a kernel."""
    made: Tensor = _Maximum.apply(x, kernel)
    return made


def is_quicker(widest: int, *, device: torch.device, dtype: torch.dtype) -> bool:
    """Whether a network is computed quicker this way here, and rightly.

    By the processor's instructions, as measured with `python -m bench.convolutions`: it takes 0.29
    to 0.57 of the time of direct convolutions with AVX2, with AVX-512 0.56 to 0.94, the less the
    more channels. A trial at each start would not tell the same each time on a busy machine, and
    the same painting would not always end with the same bits.

    Args:
        widest: channels of the network's widest convolution.
        device: where it is computed.
        dtype: likewise.
    """
    if device.type != "cpu" or dtype is not torch.float32:
        return False
    least = _LEAST_CHANNELS.get(torch.backends.cpu.get_cpu_capability())
    return least is not None and widest >= least and is_right()


@cache
def is_right() -> bool:
    """Whether torch has NNPACK here, and it computes what a convolution is."""
    try:
        # Asking also makes it ready.
        if not torch.backends.nnpack.is_available():  # type: ignore[no-untyped-call]
            return False
        drawn = torch.Generator().manual_seed(0)  # not of the numbers that others draw
        x = torch.randn(1, 8, 31, 45, generator=drawn)
        kernel = Kernel(torch.randn(16, 8, 3, 3, generator=drawn), torch.ones(16))
        wanted = F.conv2d(x.double(), kernel.weight.double(), kernel.bias.double(), padding=1)
        apart = (kernel(x) - wanted).norm() / wanted.norm()
    except (AttributeError, RuntimeError):
        return False
    return bool(apart < _RIGHT)


def _nnpack(x: Tensor, kernel: Kernel, above: int) -> Tensor:
    """`above` zeros above and below, and as many at the sides as the kernel says."""
    made: Tensor = torch._nnpack_spatial_convolution(  # noqa: SLF001 (see the module)
        x, kernel.weight, kernel.bias, padding=[above, kernel.around]
    )
    return made


def _through_relu(slope: Tensor, made: Tensor) -> Tensor:
    """The slope where ReLU let something through; written over it where it has memory of its own.

    In this chain nothing else holds a slope: it is the last step's answer, or what a hook made.
    """
    if slope.is_contiguous():
        found: Tensor = torch.ops.aten.threshold_backward.grad_input(
            slope, made, 0, grad_input=slope
        )
        return found
    return torch.where(made > 0, slope, 0.0)


class _Relu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Kernel) -> Tensor:
        made = kernel(x).relu_()
        ctx.kernel = kernel
        ctx.save_for_backward(made)
        return made

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:
        (made,) = ctx.saved_tensors
        return ctx.kernel.turned(_through_relu(slope, made)), None


class _Maximum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Kernel | None) -> Tensor:
        whole = x if kernel is None else kernel(x)
        height, width = whole.shape[2:]
        even = whole[:, :, : height // 2 * 2, : width // 2 * 2]
        above, below = even[:, :, 0::2], even[:, :, 1::2]
        is_above = above >= below
        rows = torch.maximum(above, below)
        left, right = rows[..., 0::2], rows[..., 1::2]
        is_left = left >= right
        made = torch.maximum(left, right)
        if kernel is not None:
            made.relu_()  # of a quarter of the numbers; the greatest stays the greatest
        ctx.kernel, ctx.size = kernel, (height, width)
        ctx.save_for_backward(is_above, is_left, *(() if kernel is None else (made,)))
        return made

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:
        is_above, is_left, *made = ctx.saved_tensors
        if made:
            slope = _through_relu(slope, made[0])
        height, width = ctx.size
        even = (slope.shape[2] * 2, slope.shape[3] * 2)
        rows = slope.new_empty(1, slope.shape[1], slope.shape[2], even[1])
        torch.mul(slope, is_left, out=rows[..., 0::2])
        torch.sub(slope, rows[..., 0::2], out=rows[..., 1::2])
        whole = slope.new_empty(1, slope.shape[1], *even)
        torch.mul(rows, is_above, out=whole[:, :, 0::2])
        torch.sub(rows, whole[:, :, 0::2], out=whole[:, :, 1::2])
        if even != (height, width):
            whole = F.pad(whole, (0, width - even[1], 0, height - even[0]))
        return (whole if ctx.kernel is None else ctx.kernel.turned(whole)), None
