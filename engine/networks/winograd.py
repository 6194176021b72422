"""Frozen 3 × 3 convolutions by Winograd's transform, on CPUs where that is faster.

torch ships NNPACK (Lavin and Gray 2016, F(6 × 6, 3 × 3)), which needs far fewer multiplications
than oneDNN's direct convolutions. torch's name for it is private, so it is tried before it is used.

Features are [1, C, h, w] in the contiguous layout. As the kernels are frozen, the backward pass is
only the transposed convolution; that of ReLU works in place. Where a max pooling follows and the
layer itself is not requested, the features before the pooling are not kept: its output and the
indices of the maxima suffice.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
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
"""NNPACK's workspace for each value of input and output."""
_BAND_BYTES = 24 << 20
"""Workspace of a band. Small enough for the CPU's cache; a smaller one would transform the kernel
too often."""
_RIGHT = 1e-4
_WHOLE_BYTES = {"AVX2": 96 << 20, "AVX512": 40 << 20}
"""Workspace up to which all rows are computed at once: copying bands in and out would cost more
than the cache saves. With AVX2 that holds beyond this limit, too, but memory is needed
elsewhere."""
_FEW_POSITIONS = {"AVX2": 150, "AVX512": 300}
"""Wide layers with fewer positions are computed directly: NNPACK transforms the kernel at each
call, which then takes most of the time."""
_WIDE = 128
"""Channels of a wide layer, of input and output."""
_FEW_INPUTS = {"AVX2": 3}
"""Convolutions with so few input channels, as the first one, are computed directly: transforming
the output would be most of the work."""
_SIDE = 3
_LEAST_CHANNELS = {"AVX2": 128, "AVX512": 256}
"""Channels of a network's widest convolution from which on Winograd is faster, by the CPU's vector
instructions, as measured with `python -m bench.convolutions`. Others were not measured."""


@dataclass(frozen=True, eq=False)
class Kernel:
    """The weights of one convolution, [out, in, side, side], with its bias [out]."""

    weight: Tensor
    bias: Tensor
    padding: int = 1
    """Zero padding on each side; 0 if the input is padded already."""

    @cached_property
    def transposed(self) -> "Kernel":
        """The transposed convolution, which takes gradients back."""
        weight = self.weight.flip(2, 3).transpose(0, 1).contiguous()
        padding = weight.shape[2] - 1 - self.padding
        return Kernel(weight, self.bias.new_zeros(weight.shape[0]), padding)

    @cached_property
    def _is_direct(self) -> bool:
        outputs, inputs, side, _ = self.weight.shape
        return side == _SIDE and inputs <= _for_this_cpu(_FEW_INPUTS) < outputs

    @cached_property
    def _few_positions(self) -> int:
        if min(self.weight.shape[:2]) < _WIDE:
            return 0
        return _for_this_cpu(_FEW_POSITIONS)

    def __call__(self, x: Tensor, *, relu: bool = False) -> Tensor:
        """[1, in, h, w] to [1, out, h', w'], in bands of rows."""
        return self.of_rows(x.shape, _rows_of(x), relu=relu)

    def of_rows(
        self, in_shape: Sequence[int], rows_of: Callable[[int, int], Tensor], *, relu: bool
    ) -> Tensor:
        """The same for input rows that are computed on demand; see `bands`."""
        made: Tensor | None = None
        size = self.size_of(in_shape)
        for top, bottom, band in self.bands(in_shape, rows_of):
            if (top, bottom) == (0, size[2]):
                return band.relu_() if relu else band
            made = band.new_empty(size) if made is None else made
            if relu:  # while the band is in the cache
                torch.clamp_min(band, 0, out=made[:, :, top:bottom])
            else:
                made[:, :, top:bottom] = band
        assert made is not None
        return made

    def size_of(self, in_shape: Sequence[int]) -> tuple[int, int, int, int]:
        """Shape of the output for an input of this shape."""
        outputs, _, side, _ = self.weight.shape
        less = side - 1 - 2 * self.padding
        return 1, outputs, in_shape[2] - less, in_shape[3] - less

    def bands(
        self, in_shape: Sequence[int], rows_of: Callable[[int, int], Tensor]
    ) -> Iterator[tuple[int, int, Tensor]]:
        """The output in bands of rows: the first row's number, that after the last, and the rows.

        Args:
            in_shape: shape of the input, [1, in, h, w].
            rows_of: returns the input's rows from one number up to another, [1, in, rows, w].
        """
        outputs, inputs, side, _ = self.weight.shape
        _, _, height, width = self.size_of(in_shape)
        if height * width < self._few_positions or self._is_direct:
            found = F.conv2d(rows_of(0, in_shape[2]), self.weight, self.bias, padding=self.padding)
            yield 0, height, found
            return
        row_bytes = (inputs + outputs) * width * _BYTES_PER_VALUE
        # A whole number of NNPACK's tiles, so that bands are equal to the whole, bit by bit.
        rows = max(2 * _TILE, int(_BAND_BYTES / row_bytes) // _TILE * _TILE)
        if rows >= height or height * row_bytes <= _for_this_cpu(_WHOLE_BYTES):
            yield 0, height, _nnpack(rows_of(0, in_shape[2]).contiguous(), self, self.padding)
            return
        for top in range(0, height, rows):
            bottom = min(height, top + rows)
            first, last = top - self.padding, bottom - self.padding + side - 1
            above, below = max(0, -first), max(0, last - in_shape[2])
            band = rows_of(max(0, first), min(last, in_shape[2]))
            band = _zero_padded(band, above, below) if above or below else band.contiguous()
            yield top, bottom, _nnpack(band, self, 0)


def conv_relu(x: Tensor, kernel: Kernel) -> Tensor:
    """A convolution of [1, C, h, w], then ReLU."""
    made: Tensor = _ConvRelu.apply(x, kernel)
    return made


def conv_relu_max_pool(x: Tensor, kernel: Kernel | None) -> Tensor:
    """A convolution, ReLU and 2 × 2 max pooling; without a kernel the pooling alone."""
    made: Tensor = _ConvReluMaxPool.apply(x, kernel)
    return made


def avg_pool(x: Tensor) -> Tensor:
    """2 × 2 average pooling of [1, C, h, w]; an odd last row or column is dropped."""
    made: Tensor = _AvgPool.apply(x)
    return made


def is_quicker(widest: int, *, device: torch.device, dtype: torch.dtype) -> bool:
    """Whether Winograd's transform is faster here for a network, and correct.

    Decided by the CPU's instructions, as measured with `python -m bench.convolutions`; it gains the
    more, the more channels there are. A trial at each start could come out differently on a busy
    machine, and the same painting would not always end with the same bits.

    Args:
        widest: channels of the network's widest convolution.
        device: of the network.
        dtype: of the network.
    """
    if device.type != "cpu" or dtype is not torch.float32:
        return False
    least = _for_this_cpu(_LEAST_CHANNELS)
    return 0 < least <= widest and is_right()


@cache
def is_right() -> bool:
    """Whether torch has NNPACK here, and its result is that of a convolution."""
    try:
        # This call also initializes it.
        if not torch.backends.nnpack.is_available():  # type: ignore[no-untyped-call]
            return False
        drawn = torch.Generator().manual_seed(0)  # leaves torch's global generator alone
        x = torch.randn(1, 8, 31, 45, generator=drawn)
        kernel = Kernel(torch.randn(16, 8, 3, 3, generator=drawn), torch.ones(16))
        wanted = F.conv2d(x.double(), kernel.weight.double(), kernel.bias.double(), padding=1)
        apart = (kernel(x) - wanted).norm() / wanted.norm()
    except (AttributeError, RuntimeError):
        return False
    return bool(apart < _RIGHT)


def _for_this_cpu(measured: Mapping[str, int]) -> int:
    """The entry for this CPU's instructions; 0 where nothing was measured."""
    return measured.get(torch.backends.cpu.get_cpu_capability(), 0)


def _nnpack(x: Tensor, kernel: Kernel, above: int) -> Tensor:
    """A convolution with `above` zeros above and below, and at the sides as the kernel says."""
    made: Tensor = torch._nnpack_spatial_convolution(  # noqa: SLF001 (see the module)
        x, kernel.weight, kernel.bias, padding=[above, kernel.padding]
    )
    return made


def _zero_padded(band: Tensor, above: int, below: int) -> Tensor:
    """Pad with rows of zeros; `F.pad` would first fill the whole output with zeros."""
    size = [*band.shape[:2], above + band.shape[2] + below, band.shape[3]]
    made = band.new_empty(size)
    made[:, :, :above] = 0
    made[:, :, above : size[2] - below] = band
    made[:, :, size[2] - below :] = 0
    return made


def _relu_backward(grad_output: Tensor, made: Tensor) -> Tensor:
    """The gradient before ReLU, written over `grad_output` if that has memory of its own.

    Nothing else holds that tensor: the function after this one returned it, or a hook made it.
    """
    found: Tensor = (
        torch.ops.aten.threshold_backward.grad_input(grad_output, made, 0, grad_input=grad_output)
        if grad_output.is_contiguous()
        else torch.ops.aten.threshold_backward(grad_output, made, 0)
    )
    return found


class _ConvRelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Kernel) -> Tensor:
        made = kernel(x, relu=True)
        ctx.kernel = kernel
        ctx.save_for_backward(made)
        return made

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, None]:
        (made,) = ctx.saved_tensors

        def rows_of(first: int, last: int) -> Tensor:
            return _relu_backward(grad_output[:, :, first:last], made[:, :, first:last])

        return ctx.kernel.transposed.of_rows(grad_output.shape, rows_of), None


class _ConvReluMaxPool(torch.autograd.Function):
    """In bands of rows, so that the features before the pooling are never in memory as a whole."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Kernel | None) -> Tensor:
        size = x.shape if kernel is None else kernel.size_of(x.shape)
        height, width = size[2] // 2, size[3] // 2
        made = x.new_empty(1, size[1], height, width)
        is_above = torch.empty(1, size[1], height, 2 * width, dtype=torch.bool, device=x.device)
        is_left = torch.empty(made.shape, dtype=torch.bool, device=x.device)
        bands = [(0, size[2], x)] if kernel is None else kernel.bands(x.shape, _rows_of(x))
        for top, bottom, band in bands:  # each begins with an even row
            here = (..., slice(top // 2, bottom // 2), slice(None))
            even = band[:, :, : (bottom - top) // 2 * 2, : 2 * width]
            above, below = even[:, :, 0::2], even[:, :, 1::2]
            torch.ge(above, below, out=is_above[here])
            rows = torch.maximum(above, below)
            left, right = rows[..., 0::2], rows[..., 1::2]
            torch.ge(left, right, out=is_left[here])
            torch.maximum(left, right, out=made[here])
        if kernel is not None:
            made.relu_()  # after the pooling, of a quarter of the values: ReLU is monotonic
        ctx.kernel, ctx.size = kernel, size
        ctx.save_for_backward(is_above, is_left, *(() if kernel is None else (made,)))
        return made

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, None]:
        is_above, is_left, *made = ctx.saved_tensors
        if made:
            grad_output = _relu_backward(grad_output, made[0])
        _, channels, height, width = ctx.size

        def rows_of(first: int, last: int) -> Tensor:
            """Rows of the gradient with respect to the features before the pooling."""
            pair, end = first // 2, min(-(-last // 2), height // 2)
            chosen = (..., slice(pair, end), slice(None))
            rows = grad_output.new_empty(1, channels, end - pair, width // 2 * 2)
            torch.mul(grad_output[chosen], is_left[chosen], out=rows[..., 0::2])
            torch.sub(grad_output[chosen], rows[..., 0::2], out=rows[..., 1::2])
            whole = grad_output.new_empty(1, channels, 2 * (end - pair), width // 2 * 2)
            torch.mul(rows, is_above[chosen], out=whole[:, :, 0::2])
            torch.sub(rows, whole[:, :, 0::2], out=whole[:, :, 1::2])
            below = max(0, last - 2 * end)  # the gradient of a dropped row or column is zero
            if below or width % 2:
                whole = F.pad(whole, (0, width % 2, 0, below))
            return whole[:, :, first - 2 * pair : last - 2 * pair]

        if ctx.kernel is None:
            return rows_of(0, height), None
        return ctx.kernel.transposed.of_rows(ctx.size, rows_of), None


def _rows_of(x: Tensor) -> Callable[[int, int], Tensor]:
    return lambda first, last: x[:, :, first:last]


class _AvgPool(torch.autograd.Function):
    """torch's own is several times slower in the contiguous layout, forward and backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.size = x.shape
        height, width = x.shape[2] // 2, x.shape[3] // 2
        even = x[:, :, : 2 * height, : 2 * width]
        rows = even[:, :, 0::2] + even[:, :, 1::2]
        return (rows[..., 0::2] + rows[..., 1::2]).mul_(0.25)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        _, channels, height, width = grad_output.shape
        # Repeats each value along the row, as real and imaginary part of a complex number.
        twice = torch.view_as_real(torch.complex(grad_output, grad_output).mul_(0.25))
        row = twice.view(1, channels, height, 1, 2 * width)
        whole = torch.cat((row, row), 3).view(1, channels, 2 * height, 2 * width)
        below, aside = ctx.size[2] - 2 * height, ctx.size[3] - 2 * width
        return F.pad(whole, (0, aside, 0, below)) if below or aside else whole
