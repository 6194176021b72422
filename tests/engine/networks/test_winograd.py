"""Winograd convolutions give the same features and gradients as torch's."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from torch import Tensor

from engine.lite.encoder import LiteEncoder
from engine.lite.network import LAYERS as LITE_LAYERS
from engine.networks import winograd
from engine.networks.encoder import features_of
from engine.networks.original import original_weights
from engine.networks.vgg19 import Vgg19
from engine.networks.winograd import Kernel

pytestmark = pytest.mark.skipif(
    not winograd.is_right(), reason="this torch has no NNPACK for this processor"
)
CPU = torch.device("cpu")


def kernel(inputs: int, outputs: int, side: int = 3, padding: int = 1) -> Kernel:
    generator = torch.Generator().manual_seed(inputs)
    weight = torch.randn(outputs, inputs, side, side, generator=generator)
    return Kernel(weight / weight[0].numel() ** 0.5, torch.linspace(-1, 1, outputs), padding)


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def relative_error(found: Tensor, expected: Tensor) -> float:
    return float((found.double() - expected.double()).norm() / expected.double().norm())


def force_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winograd, "_BAND_BYTES", 1)
    monkeypatch.setattr(winograd, "_WHOLE_BYTES", {})


@pytest.mark.parametrize(("side", "padding"), [(3, 1), (3, 0), (5, 0)])
@pytest.mark.parametrize("size", [(7, 9), (48, 20), (200, 331)])
@pytest.mark.parametrize("inputs", [3, 6])
def test_winograd_convolution_matches_torch(
    side: int, padding: int, size: tuple[int, int], inputs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    capability = torch.backends.cpu.get_cpu_capability()
    monkeypatch.setattr(
        winograd, "_FEW_INPUTS", {capability: 3}
    )  # as on a processor for which it was measured
    conv, x = kernel(inputs, 10, side, padding), noise(1, inputs, *size)
    expected = F.conv2d(x.double(), conv.weight.double(), conv.bias.double(), padding=padding)
    assert relative_error(conv(x), expected) < 1e-5


def test_wide_convolution_is_direct_at_few_positions_and_matches_torch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Below a number of positions the direct convolution is faster."""
    capability = torch.backends.cpu.get_cpu_capability()
    monkeypatch.setattr(
        winograd, "_FEW_POSITIONS", {capability: 150}
    )  # as on a processor for which it was measured
    transformed: list[tuple[int, ...]] = []
    transform = winograd._nnpack

    def record_shape(x: Tensor, *args: Any) -> Tensor:
        transformed.append(tuple(x.shape))
        return transform(x, *args)

    monkeypatch.setattr(winograd, "_nnpack", record_shape)
    for height, width in ((6, 8), (10, 15)):
        conv, x = kernel(160, 160), noise(1, 160, height, width)
        expected = F.conv2d(x.double(), conv.weight.double(), conv.bias.double(), padding=1)
        assert relative_error(conv(x), expected) < 1e-5
    assert transformed == [(1, 160, 10, 15)]


def test_convolution_in_bands_equals_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    conv, x = kernel(16, 24), noise(1, 16, 131, 90)
    whole = conv(x)
    force_bands(monkeypatch)
    assert torch.equal(conv(x), whole)


@pytest.mark.parametrize("size", [(6, 8), (7, 8), (6, 9), (31, 17)])
def test_average_pooling_matches_torch_forward_and_backward(size: tuple[int, int]) -> None:
    one, other = noise(1, 5, *size).requires_grad_(), noise(1, 5, *size).requires_grad_()
    found, expected = winograd.avg_pool(one), F.avg_pool2d(other, 2)
    # The sums of four numbers differ in order.
    assert relative_error(found.detach(), expected.detach()) < 1e-7
    for output, leaf in ((found, one), (expected, other)):
        (output * noise(*output.shape)).sum().backward()  # type: ignore[no-untyped-call]
        assert leaf.grad is not None
    assert torch.equal(one.grad, other.grad)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(130, 90), (131, 91)])
@pytest.mark.parametrize("step", [winograd.conv_relu_max_pool, winograd.conv_relu])
def test_layers_in_bands_equal_the_whole_forward_and_backward(
    step: Callable[[Tensor, Kernel], Tensor], size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, found = kernel(6, 8), []
    for banded in (False, True):
        if banded:
            force_bands(monkeypatch)
        x = noise(1, 6, *size).requires_grad_()
        output = step(x, one)
        (grad,) = torch.autograd.grad(output.square().sum(), x)
        found.append((output.detach(), grad))
    (whole, whole_grad), (parts, parts_grad) = found
    assert torch.equal(parts, whole)
    assert torch.equal(parts_grad, whole_grad)


@pytest.mark.parametrize("size", [(24, 32), (25, 33)])
def test_gradients_match_plain_convolutions(size: tuple[int, int]) -> None:
    first, second, third = kernel(3, 8, padding=0), kernel(8, 12), kernel(12, 12)

    def with_winograd(x: Tensor) -> Tensor:
        output = winograd.conv_relu_max_pool(winograd.conv_relu(x, first), second)
        return winograd.conv_relu(winograd.conv_relu_max_pool(output, None), third)

    def with_torch(x: Tensor) -> Tensor:
        for number, one in enumerate((first, second, third)):
            weight, bias = one.weight.double(), one.bias.double()
            x = F.conv2d(x, weight, bias, padding=one.padding).relu()
            x = F.max_pool2d(x, 2) if number == 1 else x
            x = F.max_pool2d(x, 2) if number == 1 else x
        return x

    grads = []
    for make, dtype in ((with_winograd, torch.float32), (with_torch, torch.float64)):
        x = noise(1, 3, *size).to(dtype).requires_grad_()
        output = make(x)
        (grad,) = torch.autograd.grad(
            (output * torch.arange(output.numel()).view_as(output)).sum(), x
        )
        grads.append(grad)
    assert relative_error(*grads) < 1e-5


@pytest.mark.parametrize("pooling", ["max", "average"])
def test_vgg19_has_the_same_features_with_and_without_winograd(pooling: str) -> None:
    layers = ("relu1_1", "relu1_2", "relu2_1", "relu3_1", "relu4_2")
    encoder = Vgg19(original_weights(), pooling=pooling)
    picture = torch.rand(1, 3, 50, 71, generator=torch.Generator().manual_seed(2))
    encoder.__dict__["_uses_winograd"] = True
    found = features_of(encoder, picture, layers)
    encoder.__dict__["_uses_winograd"] = False
    expected = features_of(encoder, picture, layers)
    for name in layers:
        assert found[name].shape == expected[name].shape
        assert relative_error(found[name], expected[name]) < 1e-4


def test_lite_has_the_same_features_with_and_without_winograd() -> None:
    encoder = LiteEncoder()
    picture = torch.rand(1, 3, 50, 71, generator=torch.Generator().manual_seed(2))
    encoder.__dict__["_uses_winograd"] = True
    found = features_of(encoder, picture, LITE_LAYERS)
    encoder.__dict__["_uses_winograd"] = False
    expected = features_of(encoder, picture, LITE_LAYERS)
    for name in LITE_LAYERS:
        assert relative_error(found[name], expected[name]) < 1e-4


@pytest.mark.parametrize(
    ("instructions", "widest", "used"),
    [("AVX2", 128, True), ("AVX2", 8, False), ("AVX512", 128, False), ("AVX512", 512, True)],
)
def test_winograd_is_used_only_where_measured_to_be_quicker(
    monkeypatch: pytest.MonkeyPatch, instructions: str, widest: int, used: bool
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: instructions)
    assert winograd.is_quicker(widest, device=CPU, dtype=torch.float32) is used


def test_winograd_is_not_used_where_unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not winograd.is_quicker(512, device=CPU, dtype=torch.bfloat16)
    assert not winograd.is_quicker(512, device=torch.device("meta"), dtype=torch.float32)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    assert not winograd.is_quicker(512, device=CPU, dtype=torch.float32)


def test_failing_or_wrong_nnpack_is_not_relied_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: object, **__: object) -> Tensor:
        raise RuntimeError("NNPACK SpatialConvolution_updateOutput failed")

    for answer in (fails, lambda x, weight, *_, **__: x.new_zeros(1, len(weight), *x.shape[2:])):
        monkeypatch.setattr(torch, "_nnpack_spatial_convolution", answer)
        winograd.is_right.cache_clear()
        assert not winograd.is_right()
    monkeypatch.undo()
    winograd.is_right.cache_clear()
    assert winograd.is_right()
