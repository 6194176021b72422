"""Frozen convolutions of 3 × 3 by Winograd's transform, on processors where that is quicker.

torch ships NNPACK (Lavin and Gray 2016, F(6 × 6, 3 × 3)), which needs a third of the products that
oneDNN's direct convolutions take. Its name in torch is private, so that it is tried before it is
relied on.

Features are [1, C, h, w] with rows of pixels together. Kernels are frozen, so that the way back is
the same convolution with the kernel turned; ReLU's is taken in place; and where a maximum follows
and nobody asks for the layer, its features are never kept, as those of the maximum tell all.
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
"""What NNPACK takes for a while for each number that goes in or comes out."""
_BAND_BYTES = 24 << 20
"""Of these at a time. Fewer stay in the processor's cache; fewer still are told the kernel anew too
often."""
_RIGHT = 1e-4
_WHOLE_BYTES = {"AVX2": 96 << 20, "AVX512": 40 << 20}
"""Up to so many all rows are computed at once: bands are copied in and out, which takes longer than
the cache spares. With AVX2 that is so of more (the whole takes 0.7 to 0.9 of the time of bands, to
180 MiB at least), but memory is wanted for other things."""
_FEW_POSITIONS = {"AVX2": 150, "AVX512": 300}
"""Fewer of a wide layer are computed directly: NNPACK transforms its kernel each time, which then
takes most of it (at 6 × 8 positions it takes two to three times as long)."""
_WIDE = 128
_FEW_INPUTS = {"AVX2": 3}
"""What has so few, as the picture its colors, is computed directly: to transform what comes out is
most of the work then."""
_SIDE = 3
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

    @cached_property
    def _is_direct(self) -> bool:
        outputs, inputs, side, _ = self.weight.shape
        return side == _SIDE and inputs <= _here(_FEW_INPUTS) < outputs

    @cached_property
    def _few_positions(self) -> int:
        if min(self.weight.shape[:2]) < _WIDE:
            return 0
        return _here(_FEW_POSITIONS)

    def __call__(self, x: Tensor, *, relu: bool = False) -> Tensor:
        """[1, inputs, h, w] to [1, outputs, h', w'], some rows at a time."""
        return self.of_rows(x.shape, _rows_of(x), relu=relu)

    def of_rows(
        self, given: Sequence[int], rows_of: Callable[[int, int], Tensor], *, relu: bool = False
    ) -> Tensor:
        """The same of rows that are made when they are asked for; see `bands`."""
        made: Tensor | None = None
        size = self.size_of(given)
        for top, bottom, band in self.bands(given, rows_of):
            if (top, bottom) == (0, size[2]):
                return band.relu_() if relu else band
            made = band.new_empty(size) if made is None else made
            if relu:  # while the band is in the cache
                torch.clamp_min(band, 0, out=made[:, :, top:bottom])
            else:
                made[:, :, top:bottom] = band
        assert made is not None
        return made

    def size_of(self, given: Sequence[int]) -> tuple[int, int, int, int]:
        """The size of what it makes of something of this size."""
        outputs, _, side, _ = self.weight.shape
        less = side - 1 - 2 * self.around
        return 1, outputs, given[2] - less, given[3] - less

    def bands(
        self, given: Sequence[int], rows_of: Callable[[int, int], Tensor]
    ) -> Iterator[tuple[int, int, Tensor]]:
        """First and last row of what it makes, with these rows: few at a time.

        Args:
            given: the size of what it is given, [1, inputs, h, w].
            rows_of: the rows of that from one to another, asked for when they are needed.
        """
        outputs, inputs, side, _ = self.weight.shape
        _, _, height, width = self.size_of(given)
        if height * width < self._few_positions or self._is_direct:
            found = F.conv2d(rows_of(0, given[2]), self.weight, self.bias, padding=self.around)
            yield 0, height, found
            return
        row_bytes = (inputs + outputs) * width * _BYTES_PER_VALUE
        # A whole number of tiles, so that bands compute what the whole would, to the last bit.
        rows = max(2 * _TILE, int(_BAND_BYTES / row_bytes) // _TILE * _TILE)
        if rows >= height or height * row_bytes <= _here(_WHOLE_BYTES):
            yield 0, height, _nnpack(rows_of(0, given[2]).contiguous(), self, self.around)
            return
        for top in range(0, height, rows):
            bottom = min(height, top + rows)
            first, last = top - self.around, bottom - self.around + side - 1
            above, below = max(0, -first), max(0, last - given[2])
            band = rows_of(max(0, first), min(last, given[2]))
            band = _with_zeros(band, above, below) if above or below else band.contiguous()
            yield top, bottom, _nnpack(band, self, 0)


def relu_of(x: Tensor, kernel: Kernel) -> Tensor:
    """A convolution of [1, C, h, w] and ReLU."""
    made: Tensor = _Relu.apply(x, kernel)
    return made


def maximum_of(x: Tensor, kernel: Kernel | None) -> Tensor:
    """A convolution, ReLU and the maximum of each 2 × 2; the maximum alone without a kernel."""
    made: Tensor = _Maximum.apply(x, kernel)
    return made


def mean_of(x: Tensor) -> Tensor:
    """The mean of each 2 × 2 of [1, C, h, w]; an odd last row or column counts for nothing."""
    made: Tensor = _Mean.apply(x)
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
    least = _here(_LEAST_CHANNELS)
    return 0 < least <= widest and is_right()


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


def _here(measured: Mapping[str, int]) -> int:
    """What was measured with this processor's instructions; 0 where nothing was."""
    return measured.get(torch.backends.cpu.get_cpu_capability(), 0)


def _nnpack(x: Tensor, kernel: Kernel, above: int) -> Tensor:
    """`above` zeros above and below, and as many at the sides as the kernel says."""
    made: Tensor = torch._nnpack_spatial_convolution(  # noqa: SLF001 (see the module)
        x, kernel.weight, kernel.bias, padding=[above, kernel.around]
    )
    return made


def _with_zeros(band: Tensor, above: int, below: int) -> Tensor:
    """Rows of zeros above and below; torch's own writes them everywhere first."""
    size = [*band.shape[:2], above + band.shape[2] + below, band.shape[3]]
    made = band.new_empty(size)
    made[:, :, :above] = 0
    made[:, :, above : size[2] - below] = band
    made[:, :, size[2] - below :] = 0
    return made


def _through_relu(slope: Tensor, made: Tensor) -> Tensor:
    """The slope where ReLU let something through; written over it where it has memory of its own.

    In this chain nothing else holds a slope: it is the last step's answer, or what a hook made.
    """
    found: Tensor = (
        torch.ops.aten.threshold_backward.grad_input(slope, made, 0, grad_input=slope)
        if slope.is_contiguous()
        else torch.ops.aten.threshold_backward(slope, made, 0)
    )
    return found


class _Relu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Kernel) -> Tensor:
        made = kernel(x, relu=True)
        ctx.kernel = kernel
        ctx.save_for_backward(made)
        return made

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:
        (made,) = ctx.saved_tensors

        def rows_of(first: int, last: int) -> Tensor:
            return _through_relu(slope[:, :, first:last], made[:, :, first:last])

        return ctx.kernel.turned.of_rows(slope.shape, rows_of), None


class _Maximum(torch.autograd.Function):
    """In bands of rows, so that what a maximum is taken of is never there as a whole."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Kernel | None) -> Tensor:
        size = x.shape if kernel is None else kernel.size_of(x.shape)
        height, width = size[2] // 2, size[3] // 2
        made = x.new_empty(1, size[1], height, width)
        is_above = torch.empty(1, size[1], height, 2 * width, dtype=torch.bool, device=x.device)
        is_left = torch.empty(made.shape, dtype=torch.bool, device=x.device)
        bands = [(0, size[2], x)] if kernel is None else kernel.bands(x.shape, _rows_of(x))
        for top, bottom, band in bands:  # whose first rows are even
            here = (..., slice(top // 2, bottom // 2), slice(None))
            even = band[:, :, : (bottom - top) // 2 * 2, : 2 * width]
            above, below = even[:, :, 0::2], even[:, :, 1::2]
            torch.ge(above, below, out=is_above[here])
            rows = torch.maximum(above, below)
            left, right = rows[..., 0::2], rows[..., 1::2]
            torch.ge(left, right, out=is_left[here])
            torch.maximum(left, right, out=made[here])
        if kernel is not None:
            made.relu_()  # of a quarter of the numbers; the greatest stays the greatest
        ctx.kernel, ctx.size = kernel, size
        ctx.save_for_backward(is_above, is_left, *(() if kernel is None else (made,)))
        return made

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:
        is_above, is_left, *made = ctx.saved_tensors
        if made:
            slope = _through_relu(slope, made[0])
        _, channels, height, width = ctx.size

        def rows_of(first: int, last: int) -> Tensor:
            """Rows of the slope of what the maximum was taken of."""
            pair, end = first // 2, min(-(-last // 2), height // 2)
            chosen = (..., slice(pair, end), slice(None))
            rows = slope.new_empty(1, channels, end - pair, width // 2 * 2)
            torch.mul(slope[chosen], is_left[chosen], out=rows[..., 0::2])
            torch.sub(slope[chosen], rows[..., 0::2], out=rows[..., 1::2])
            whole = slope.new_empty(1, channels, 2 * (end - pair), width // 2 * 2)
            torch.mul(rows, is_above[chosen], out=whole[:, :, 0::2])
            torch.sub(rows, whole[:, :, 0::2], out=whole[:, :, 1::2])
            below = max(0, last - 2 * end)  # an odd row or column has no slope
            if below or width % 2:
                whole = F.pad(whole, (0, width % 2, 0, below))
            return whole[:, :, first - 2 * pair : last - 2 * pair]

        if ctx.kernel is None:
            return rows_of(0, height), None
        return ctx.kernel.turned.of_rows(ctx.size, rows_of), None


def _rows_of(x: Tensor) -> Callable[[int, int], Tensor]:
    return lambda first, last: x[:, :, first:last]


class _Mean(torch.autograd.Function):
    """torch's own takes several times as long where rows of pixels lie together, both ways."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.size = x.shape
        height, width = x.shape[2] // 2, x.shape[3] // 2
        even = x[:, :, : 2 * height, : 2 * width]
        rows = even[:, :, 0::2] + even[:, :, 1::2]
        return (rows[..., 0::2] + rows[..., 1::2]).mul_(0.25)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        _, channels, height, width = slope.shape
        # Each number twice, one beside the other, as the parts of a complex one.
        twice = torch.view_as_real(torch.complex(slope, slope).mul_(0.25))
        row = twice.view(1, channels, height, 1, 2 * width)
        whole = torch.cat((row, row), 3).view(1, channels, 2 * height, 2 * width)
        below, aside = ctx.size[2] - 2 * height, ctx.size[3] - 2 * width
        return F.pad(whole, (0, aside, 0, below)) if below or aside else whole
