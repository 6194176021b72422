import pytest
import torch
from torch import Tensor

from engine.painting.moments import Weighting, add_moments_grad, all_moments
from engine.painting.statistics import LayerMoments
from tests.kit.moments import moments


def features(seed: int, channels: int, height: int, width: int) -> Tensor:
    """Rectified features with a few dominant channels, like those of a network."""
    generator = torch.Generator().manual_seed(seed)
    strength = torch.logspace(-1, 2, channels).view(1, channels, 1, 1)
    noise = torch.randn(1, channels, height, width, generator=generator)
    rectified = (noise + 0.3).relu() * strength
    return rectified.to(torch.bfloat16).contiguous(memory_format=torch.channels_last)


# Of few channels products are taken in float32, of more in bf16.
CHANNELS = pytest.mark.parametrize("channels", [24, 40])


@CHANNELS
def test_moments_of_bf16_features_nearly_match_float32(channels: int) -> None:
    bf16_features = features(1, channels, 130, 150)
    total = 130.0 * 150
    found, wide = moments(bf16_features, None, total), moments(bf16_features.float(), None, total)
    assert found.second.dtype is torch.float32
    assert float((found.second - wide.second).norm() / wide.second.norm()) < 2e-3
    assert float((found.mean - wide.mean).norm() / wide.mean.norm()) < 2e-3


@CHANNELS
def test_moments_gradient_of_bf16_features_nearly_matches_float32(channels: int) -> None:
    bf16_features = features(1, channels, 60, 50)
    target = moments(0.9 * features(2, channels, 60, 50).float(), None, 3000.0)

    def grad(leaf: Tensor) -> Tensor:
        leaf.requires_grad_()
        found = moments(leaf, None, 3000.0)
        loss = (found.second - target.second).square().sum() + found.mean.square().sum()
        return torch.autograd.grad(loss, leaf)[0].float()

    rounded, exact = grad(bf16_features.clone()), grad(bf16_features.float())
    assert float((rounded - exact).norm() / exact.norm()) < 2e-2


@CHANNELS
def test_guided_moments_of_bf16_features_nearly_match_float32(channels: int) -> None:
    bf16_features = features(1, channels, 130, 150)
    guide = torch.linspace(0, 1, 130 * 150).view(130, 150)
    total = float(guide.sum())
    found, wide = moments(bf16_features, guide, total), moments(bf16_features.float(), guide, total)
    assert float((found.second - wide.second).norm() / wide.second.norm()) < 2e-3
    assert float((found.mean - wide.mean).norm() / wide.mean.norm()) < 2e-3
    leaf = bf16_features.clone().requires_grad_()
    part = moments(leaf, guide, total)
    (gradient,) = torch.autograd.grad(part.second.sum() + part.mean.sum(), leaf)
    assert gradient.dtype is torch.bfloat16
    assert float(gradient[0, :, 0, 0].abs().max()) == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("channels", [12, 40, 66, 128])
def test_moments_of_several_weightings_match_each_weighting_alone(
    dtype: torch.dtype, layout: torch.memory_format, channels: int
) -> None:
    """Three weightings: uniform and by two guides.

    Products of many channels are computed in two or four groups.
    """
    tolerance = 1e-5 if dtype is torch.float32 else 1e-2
    values = features(3, channels, 70, 90).to(dtype).contiguous(memory_format=layout)
    guide = torch.linspace(0, 1, 70 * 90).view(70, 90)
    weightings = [
        Weighting(None, 6300.0),
        Weighting(guide, float(guide.sum())),
        Weighting(1 - guide, float((1 - guide).sum())),
    ]
    exact = [moments(values.double(), one.guide, one.total) for one in weightings]
    found = all_moments(values, weightings)
    grads = [
        (one, LayerMoments(made.second.to(torch.float32), made.mean.to(torch.float32)))
        for one, made in zip(weightings, exact, strict=True)
    ]
    for made, expected in zip(found, exact, strict=True):
        assert float((made.second - expected.second).norm() / expected.second.norm()) < tolerance
        assert float((made.mean - expected.mean).norm() / expected.mean.norm()) < tolerance
    before = torch.full_like(values, 0.5)
    fresh_grad = torch.empty_like(values)
    add_moments_grad(fresh_grad, values, grads, fresh=True)
    added = before.clone()
    add_moments_grad(added, values, grads)
    expected_grad = torch.zeros_like(values, dtype=torch.float64)
    for one, made in grads:
        weights = (torch.ones(70, 90) if one.guide is None else one.guide).double() / one.total
        flat = values[0].double().flatten(1)
        grad = 2 * made.second.double() @ flat + made.mean.double()[:, None]
        expected_grad += weights * grad.view(expected_grad.shape)
    assert float((fresh_grad - expected_grad).norm() / expected_grad.norm()) < tolerance
    assert float((added - before - expected_grad).norm() / expected_grad.norm()) < tolerance
