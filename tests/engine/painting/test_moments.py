import torch
from torch import Tensor

from engine.painting.losses import moments


def features(seed: int, channels: int, height: int, width: int) -> Tensor:
    """Rectified, with a few channels far stronger than the others, as a network's are."""
    generator = torch.Generator().manual_seed(seed)
    strength = torch.logspace(-1, 2, channels).view(1, channels, 1, 1)
    noise = torch.randn(1, channels, height, width, generator=generator)
    rectified = (noise + 0.3).relu() * strength
    return rectified.to(torch.bfloat16).contiguous(memory_format=torch.channels_last)


def test_moments_of_bf16_features_are_nearly_those_in_float32() -> None:
    narrow = features(1, 24, 130, 150)
    total = 130.0 * 150
    found, wide = moments(narrow, None, total), moments(narrow.float(), None, total)
    assert found.second.dtype is torch.float32
    assert float((found.second - wide.second).norm() / wide.second.norm()) < 2e-3
    assert float((found.mean - wide.mean).norm() / wide.mean.norm()) < 2e-3


def test_their_gradient_is_nearly_that_in_float32() -> None:
    narrow = features(1, 24, 60, 50)
    goal = moments(0.9 * features(2, 24, 60, 50).float(), None, 3000.0)

    def slope(leaf: Tensor) -> Tensor:
        leaf.requires_grad_()
        found = moments(leaf, None, 3000.0)
        loss = (found.second - goal.second).square().sum() + found.mean.square().sum()
        return torch.autograd.grad(loss, leaf)[0].float()

    near, exact = slope(narrow.clone()), slope(narrow.float())
    assert float((near - exact).norm() / exact.norm()) < 2e-2


def test_guided_moments_bear_bf16() -> None:
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
