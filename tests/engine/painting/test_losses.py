import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.painting.losses import (
    GaussianTarget,
    _newton_roots,
    content_difference,
    deviation_distance,
    gram_distance,
    mean_distance,
    moments,
    variation,
    wasserstein_distance,
)
from engine.painting.statistics import LayerMoments

NEIGHBORS = ((0, 1, 2 / 3), (1, 0, 2 / 3), (1, 1, 1 / 6), (1, -1, 1 / 6))
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


def test_moments_against_numpy() -> None:
    found, f = whole(features(0)), flat(features(0))
    np.testing.assert_allclose(found.second.numpy(), f @ f.T / f.shape[1], rtol=1e-13)
    np.testing.assert_allclose(found.mean.numpy(), f.mean(1), rtol=1e-13)


def test_guided_moments_against_numpy() -> None:
    guide = features(3, channels=1)[0, 0]
    found, f, g = whole(features(0), guide), flat(features(0)), guide.flatten().numpy()
    np.testing.assert_allclose(found.second.numpy(), (f * g) @ f.T / g.sum(), rtol=1e-13)
    np.testing.assert_allclose(found.mean.numpy(), (f * g).sum(1) / g.sum(), rtol=1e-13)


def test_gram_distance_is_the_papers_up_to_its_factor() -> None:
    f, s = flat(features(0)), flat(features(1))
    channels, positions = f.shape
    paper = ((f @ f.T - s @ s.T) ** 2).sum() / (4 * channels**2 * positions**2)
    found = gram_distance(whole(features(0)), whole(features(1))) / (4 * channels**2)
    np.testing.assert_allclose(float(found), paper, rtol=1e-13)


def _root(matrix: Array) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    root: Array = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    return root


def test_wasserstein_against_numpy() -> None:
    f, s = flat(features(0)), flat(features(1))
    target = GaussianTarget(whole(features(1)))
    ridge = float(target.epsilon) * np.eye(len(f))
    first, second = np.cov(f, bias=True) + ridge, np.cov(s, bias=True) + ridge
    root = _root(second)
    wanted = ((f.mean(1) - s.mean(1)) ** 2).sum() + np.trace(
        first + second - 2 * _root(root @ first @ root)
    )
    found = wasserstein_distance(whole(features(0)), target)
    np.testing.assert_allclose(float(found), wanted, rtol=1e-9)


def test_no_distance_to_itself() -> None:
    same = whole(features(0))
    assert float(gram_distance(same, same)) == 0
    assert abs(float(wasserstein_distance(same, GaussianTarget(same)))) < 1e-12


PARTS = [(slice(None), slice(None)), (slice(1, 3), slice(0, 2)), (slice(2, 5), slice(3, 6))]


@pytest.mark.parametrize("own", PARTS, ids=["whole", "left", "corner"])
def test_variation_against_numpy(own: tuple[slice, slice]) -> None:
    picture = features(4, channels=3, height=5, width=6)
    x = np.pad(picture[0].numpy(), ((0, 0), (1, 1), (1, 1)), mode="edge")
    wanted, (rows, columns) = 0.0, own
    for row in range(*rows.indices(5)):
        for column in range(*columns.indices(6)):
            here = x[:, row + 1, column + 1]
            for down, right, weight in (
                (0, 1, 2 / 3),
                (1, 0, 2 / 3),
                (1, 1, 1 / 6),
                (1, -1, 1 / 6),
            ):
                there = x[:, row + 1 + down, column + 1 + right]
                wanted += weight * ((there - here) ** 2).sum()
    np.testing.assert_allclose(variation(picture, *own)[0].numpy(), wanted, rtol=1e-13)


def test_content_difference_against_numpy() -> None:
    found = content_difference(features(0), features(1))
    np.testing.assert_allclose(flat(found), flat(features(0)) - flat(features(1)), rtol=1e-13)


@pytest.mark.parametrize("guided", [False, True])
@pytest.mark.parametrize("statistic", ["gram", "wasserstein"])
def test_gradients_of_the_style_losses(statistic: str, guided: bool) -> None:
    target = whole(features(1))
    gaussian = GaussianTarget(target)
    guide = features(3, channels=1)[0, 0] if guided else None

    def loss(x: Tensor) -> Tensor:
        found = whole(x, guide)
        if statistic == "gram":
            return gram_distance(found, target)
        return wasserstein_distance(found, gaussian)

    assert torch.autograd.gradcheck(loss, features(0).requires_grad_(), atol=1e-6)


@pytest.mark.parametrize("own", PARTS, ids=["whole", "left", "corner"])
def test_the_slope_of_variation(own: tuple[slice, slice]) -> None:
    """It is a square, so that differences of any length give its slope exactly."""
    picture = features(4, channels=3, height=5, width=6)
    slope = variation(picture, *own)[1]
    assert slope.shape == picture.shape
    for place in np.ndindex(*picture.shape):
        step = torch.zeros_like(picture)
        step[place] = 0.5
        above, below = (variation(picture + sign * step, *own)[0] for sign in (1, -1))
        np.testing.assert_allclose(float(slope[place]), float(above - below), atol=1e-12)


def test_gradients_of_content() -> None:
    picture = features(0, channels=3).requires_grad_()
    wanted = features(1, channels=3)
    assert torch.autograd.gradcheck(lambda x: content_difference(x, wanted).square().sum(), picture)


def test_newtons_roots_serve_devices_without_eigenvalues() -> None:
    f = flat(features(0, channels=8, height=20, width=20))
    matrix = torch.from_numpy(np.cov(f, bias=True))
    root, inverse = _newton_roots(matrix)
    torch.testing.assert_close(root @ root, matrix, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(root @ inverse, torch.eye(8, dtype=torch.float64), atol=1e-6, rtol=0)


def test_bf16_features_have_fp32_moments() -> None:
    exact = whole(features(0))
    found = whole(features(0).bfloat16())
    assert found.second.dtype is torch.float32
    error = (found.second.double() - exact.second).norm() / exact.second.norm()
    assert error < 3e-3


def test_wasserstein_of_float32_moments_is_nearly_exact() -> None:
    """Features with few directions, as a network's are: most eigenvalues are all but nothing."""
    generator = torch.Generator().manual_seed(3)
    base = torch.randn(1, 48, 20, 30, generator=generator, dtype=torch.float64)
    strength = torch.logspace(1, -4, 48, dtype=torch.float64).view(1, 48, 1, 1)
    turn = torch.linalg.qr(torch.randn(48, 48, generator=generator, dtype=torch.float64))[0]
    features = torch.einsum("ij,njhw->nihw", turn, base * strength)
    other = features + 0.01 * strength * torch.randn(base.shape, generator=generator).double()

    def distance(dtype: torch.dtype) -> Tensor:
        found = moments(features, None, 600.0).to(features.device, dtype)
        target = GaussianTarget(moments(other, None, 600.0).to(features.device, dtype))
        return wasserstein_distance(found, target)

    exact = float(distance(torch.float64))
    assert float(distance(torch.float32)) == pytest.approx(exact, rel=0.02)


def test_means_and_deviations_tell_what_a_gram_matrix_leaves_open() -> None:
    target = whole(features(1))
    # E[F²] is the same, but all of it is mean, or none is.
    steady = LayerMoments(target.second, target.second.diagonal().sqrt())
    shaking = LayerMoments(target.second, torch.zeros_like(target.mean))
    for other in (steady, shaking):
        assert float(gram_distance(other, target)) == 0
        assert float(mean_distance(other, target)) > 0.01
        assert float(deviation_distance(other, target)) > 0.05
    assert float(mean_distance(target, target)) == float(deviation_distance(target, target)) == 0


def test_a_channel_that_never_changes_has_a_finite_slope() -> None:
    still = features(0)
    still[:, 2] = 0.5
    found = whole(still)
    leaves = LayerMoments(found.second.requires_grad_(), found.mean.requires_grad_())
    deviation_distance(leaves, whole(features(1))).backward()  # type: ignore[no-untyped-call]  # (torch does not type it)
    assert leaves.second.grad is not None
    assert bool(torch.isfinite(leaves.second.grad).all())


def test_a_flat_style_is_a_goal_like_another() -> None:
    flat_style = whole(torch.full((1, 5, 7, 6), 0.5, dtype=torch.float64))
    assert float(deviation_distance(whole(features(0)), flat_style)) < 200
    assert float(deviation_distance(flat_style, flat_style)) == 0
