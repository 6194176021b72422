import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.painting.losses import content_loss, variation
from engine.painting.statistics import LayerMoments
from tests.kit.moments import moments

Array = NDArray[np.float64]


def features(seed: int, channels: int = 5, height: int = 7, width: int = 6) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, channels, height, width, generator=generator, dtype=torch.float64)


def flat(tensor: Tensor) -> Array:
    array: Array = tensor[0].flatten(1).numpy()
    return array


def whole(tensor: Tensor, guide: Tensor | None = None) -> LayerMoments:
    total = float(tensor.shape[2] * tensor.shape[3]) if guide is None else float(guide.sum())
    return moments(tensor, guide, total)


def test_moments_match_numpy() -> None:
    found, f = whole(features(0)), flat(features(0))
    np.testing.assert_allclose(found.second.numpy(), f @ f.T / f.shape[1], rtol=1e-13)
    np.testing.assert_allclose(found.mean.numpy(), f.mean(1), rtol=1e-13)


def test_guided_moments_match_numpy() -> None:
    guide = features(3, channels=1)[0, 0]
    found, f, g = whole(features(0), guide), flat(features(0)), guide.flatten().numpy()
    np.testing.assert_allclose(found.second.numpy(), (f * g) @ f.T / g.sum(), rtol=1e-13)
    np.testing.assert_allclose(found.mean.numpy(), (f * g).sum(1) / g.sum(), rtol=1e-13)


PARTS = [(slice(None), slice(None)), (slice(1, 3), slice(0, 2)), (slice(2, 5), slice(3, 6))]


@pytest.mark.parametrize("own", PARTS, ids=["whole", "left", "corner"])
def test_variation_matches_numpy(own: tuple[slice, slice]) -> None:
    picture = features(4, channels=3, height=5, width=6)
    x = np.pad(picture[0].numpy(), ((0, 0), (1, 1), (1, 1)), mode="edge")
    expected, (rows, columns) = 0.0, own
    for row in range(*rows.indices(5)):
        for column in range(*columns.indices(6)):
            pixel = x[:, row + 1, column + 1]
            for down, right, weight in (
                (0, 1, 2 / 3),
                (1, 0, 2 / 3),
                (1, 1, 1 / 6),
                (1, -1, 1 / 6),
            ):
                neighbor = x[:, row + 1 + down, column + 1 + right]
                expected += weight * ((neighbor - pixel) ** 2).sum()
    np.testing.assert_allclose(variation(picture, *own)[0].numpy(), expected, rtol=1e-13)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("cache_size", [1, 60, 1 << 17], ids=["one by one", "in parts", "at once"])
@pytest.mark.parametrize("guided", [False, True], ids=["uniform", "guided"])
def test_content_loss_matches_numpy(
    layout: torch.memory_format, cache_size: int, guided: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.painting.losses._CACHED", cache_size)
    f, p = (features(seed).contiguous(memory_format=layout) for seed in (0, 1))
    counts = features(3, channels=1)[0, 0] if guided else torch.tensor(0.7, dtype=torch.float64)
    grad = torch.full_like(f, torch.nan)
    loss = content_loss(f, p, counts, grad, fresh=True)
    difference, weights = flat(f) - flat(p), counts.flatten().numpy()
    np.testing.assert_allclose(loss.numpy(), (weights * difference**2).sum(), rtol=1e-13)
    np.testing.assert_allclose(flat(grad), 2 * weights * difference, rtol=1e-13)
    content_loss(f, p, counts, grad, fresh=False)
    np.testing.assert_allclose(flat(grad), 4 * weights * difference, rtol=1e-13)


def test_content_loss_of_bf16_features_is_computed_in_fp32() -> None:
    f, p = features(0).bfloat16(), features(1).bfloat16()
    grad = torch.zeros_like(f)
    loss = content_loss(f, p, torch.tensor(1.0), grad, fresh=False)
    difference = flat(f.double()) - flat(p.double())
    assert loss.dtype is torch.float32
    np.testing.assert_allclose(loss.numpy(), (difference**2).sum(), rtol=1e-6)
    np.testing.assert_allclose(flat(grad.double()), 2 * difference, rtol=2**-8)


@pytest.mark.parametrize("own", PARTS, ids=["whole", "left", "corner"])
def test_variation_gradient_matches_finite_differences(own: tuple[slice, slice]) -> None:
    """The loss is quadratic, so that central differences are exact for any step."""
    picture = features(4, channels=3, height=5, width=6)
    grad = variation(picture, *own)[1]
    assert grad.shape == picture.shape
    for index in np.ndindex(*picture.shape):
        step = torch.zeros_like(picture)
        step[index] = 0.5
        above, below = (variation(picture + sign * step, *own)[0] for sign in (1, -1))
        np.testing.assert_allclose(float(grad[index]), float(above - below), atol=1e-12)
