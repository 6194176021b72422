from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from torch import Tensor

from engine.networks.border import repeat_border
from engine.networks.channels_last import FirstConvolution, avg_pool, relu_

SHAPES = pytest.mark.parametrize("size", [(9, 8), (16, 21), (23, 14), (7, 7)], ids=str)
LARGE = (1, 64, 70, 72)


def drawn(seed: int, *size: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Noise in the channels-last layout."""
    noise = torch.randn(size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return noise.to(dtype).contiguous(memory_format=torch.channels_last)


def both(
    ours: Callable[[Tensor], Tensor], theirs: Callable[[Tensor], Tensor], x: Tensor
) -> list[tuple[Tensor, Tensor]]:
    """Output and gradient, each of ours and of torch's."""
    found = []
    for of in (ours, theirs):
        leaf = x.detach().clone().requires_grad_()
        made = of(leaf)
        grad = drawn(9, *made.shape, dtype=made.dtype)
        found.append((made.detach().clone(), torch.autograd.grad(made, leaf, grad)[0]))
    return list(zip(*found, strict=True))


@SHAPES
@pytest.mark.parametrize("side", [3, 5])
@pytest.mark.parametrize("outputs", [16, 5])
def test_first_convolution_and_its_gradient_are_those_of_torch(
    size: tuple[int, int], side: int, outputs: int
) -> None:
    weight, bias = drawn(1, outputs, 3, side, side), drawn(2, 1, 1, 1, outputs).flatten()
    x = drawn(3, 2, 3, size[0] + side - 1, size[1] + side - 1)
    ours = FirstConvolution(weight, bias)
    for found, expected in both(ours, lambda x: F.conv2d(x, weight, bias).relu(), x):
        torch.testing.assert_close(found, expected)


def test_first_convolution_in_bf16_errs_no_more_than_torch() -> None:
    weight, bias, x = (
        drawn(1, 64, 3, 3, 3),
        torch.zeros(64, dtype=torch.float64),
        drawn(2, 1, 3, 40, 41),
    )
    exact = both(lambda x: F.conv2d(x, weight, bias).relu(), lambda x: x, x)[1][0]
    narrow, no_bias = weight.bfloat16(), bias.bfloat16()
    rounded = x.bfloat16()
    _, (found, torchs) = both(
        FirstConvolution(narrow, no_bias), lambda x: F.conv2d(x, narrow, no_bias).relu(), rounded
    )
    apart = [float((one.double() - exact).norm() / exact.norm()) for one in (found, torchs)]
    assert apart[0] < 1.1 * apart[1]


@pytest.mark.parametrize("size", [(1, 3, 8, 8), LARGE], ids=["small", "large"])
def test_relu_and_its_gradient_are_those_of_torch(size: tuple[int, ...]) -> None:
    x = drawn(1, *size)
    for found, expected in both(lambda x: relu_(x * 2), lambda x: (x * 2).relu(), x):
        assert torch.equal(found, expected)


def test_relu_leaves_a_gradient_alone_whose_memory_is_shared() -> None:
    x = drawn(1, *LARGE).requires_grad_()
    (found,) = torch.autograd.grad(relu_(x * 1).sum(), x)  # an expanded one
    assert torch.equal(found, (x > 0).double())


@SHAPES
def test_average_pooling_and_its_gradient_are_those_of_torch(size: tuple[int, int]) -> None:
    for found, expected in both(avg_pool, lambda x: F.avg_pool2d(x, 2), drawn(1, 2, 6, *size)):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    "widths",
    [(2, 2, 2, 2), (0, 3, 1, 0), (1, 0, 0, 0), (0, 0, 0, 2), (0, 0, 0, 0)],
    ids=str,
)
@pytest.mark.parametrize("size", [(6, 5), (1, 4), (3, 1)], ids=str)
def test_repeated_border_and_its_gradient_are_those_of_torch(
    widths: tuple[int, int, int, int], size: tuple[int, int]
) -> None:
    left, right, top, bottom = widths
    x = drawn(1, 1, 3, *size)
    for found, expected in both(
        lambda x: repeat_border(x, left=left, right=right, top=top, bottom=bottom),
        lambda x: F.pad(x, widths, "replicate"),
        x,
    ):
        torch.testing.assert_close(found, expected)
