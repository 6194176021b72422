import pytest
import torch
from torch import Tensor

from engine.painting.moments import Weighting, add_moments_grad, all_moments, moments
from engine.painting.statistics import LayerMoments


def features(seed: int, channels: int, height: int, width: int) -> Tensor:
    """Rectified, with a few channels far stronger than the others, as a network's are."""
    generator = torch.Generator().manual_seed(seed)
    strength = torch.logspace(-1, 2, channels).view(1, channels, 1, 1)
    noise = torch.randn(1, channels, height, width, generator=generator)
    rectified = (noise + 0.3).relu() * strength
    return rectified.to(torch.bfloat16).contiguous(memory_format=torch.channels_last)


def test_moments_of_bf16_features_nearly_match_float32() -> None:
    narrow = features(1, 24, 130, 150)
    total = 130.0 * 150
    found, wide = moments(narrow, None, total), moments(narrow.float(), None, total)
    assert found.second.dtype is torch.float32
    assert float((found.second - wide.second).norm() / wide.second.norm()) < 2e-3
    assert float((found.mean - wide.mean).norm() / wide.mean.norm()) < 2e-3


def test_moments_gradient_of_bf16_features_nearly_matches_float32() -> None:
    narrow = features(1, 24, 60, 50)
    goal = moments(0.9 * features(2, 24, 60, 50).float(), None, 3000.0)

    def grad(leaf: Tensor) -> Tensor:
        leaf.requires_grad_()
        found = moments(leaf, None, 3000.0)
        loss = (found.second - goal.second).square().sum() + found.mean.square().sum()
        return torch.autograd.grad(loss, leaf)[0].float()

    near, exact = grad(narrow.clone()), grad(narrow.float())
    assert float((near - exact).norm() / exact.norm()) < 2e-2


def test_guided_moments_of_bf16_features_nearly_match_float32() -> None:
    narrow, guide = features(1, 24, 130, 150), torch.linspace(0, 1, 130 * 150).view(130, 150)
    total = float(guide.sum())
    found, wide = moments(narrow, guide, total), moments(narrow.float(), guide, total)
    assert float((found.second - wide.second).norm() / wide.second.norm()) < 2e-3
    assert float((found.mean - wide.mean).norm() / wide.mean.norm()) < 2e-3
    leaf = narrow.clone().requires_grad_()
    part = moments(leaf, guide, total)
    (gradient,) = torch.autograd.grad(part.second.sum() + part.mean.sum(), leaf)
    assert gradient.dtype is torch.bfloat16
    assert float(gradient[0, :, 0, 0].abs().max()) == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
@pytest.mark.parametrize("laid", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("channels", [12, 40, 66, 128])
def test_moments_of_several_weightings_match_each_weighting_alone(
    dtype: torch.dtype, laid: torch.memory_format, channels: int
) -> None:
    """A uniform weighting, one by a guide, and one by another guide.

    With few channels and with many, whose products are computed in two or four groups.
    """
    near = 1e-5 if dtype is torch.float32 else 1e-2
    there = features(3, channels, 70, 90).to(dtype).contiguous(memory_format=laid)
    guide = torch.linspace(0, 1, 70 * 90).view(70, 90)
    weightings = [
        Weighting(None, 6300.0),
        Weighting(guide, float(guide.sum())),
        Weighting(1 - guide, float((1 - guide).sum())),
    ]
    exact = [moments(there.double(), one.guide, one.total) for one in weightings]
    found = all_moments(there, weightings)
    grads = [
        (one, LayerMoments(made.second.to(torch.float32), made.mean.to(torch.float32)))
        for one, made in zip(weightings, exact, strict=True)
    ]
    for made, wanted in zip(found, exact, strict=True):
        assert float((made.second - wanted.second).norm() / wanted.second.norm()) < near
        assert float((made.mean - wanted.mean).norm() / wanted.mean.norm()) < near
    before = torch.full_like(there, 0.5)
    once = torch.empty_like(there)
    add_moments_grad(once, there, grads, fresh=True)
    added = before.clone()
    add_moments_grad(added, there, grads)
    one_by_one = torch.zeros_like(there, dtype=torch.float64)
    for one, made in grads:
        weights = (torch.ones(70, 90) if one.guide is None else one.guide).double() / one.total
        flat = there[0].double().flatten(1)
        grad = 2 * made.second.double() @ flat + made.mean.double()[:, None]
        one_by_one += weights * grad.view(one_by_one.shape)
    assert float((once - one_by_one).norm() / one_by_one.norm()) < near
    assert float((added - before - one_by_one).norm() / one_by_one.norm()) < near
