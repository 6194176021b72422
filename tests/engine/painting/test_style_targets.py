"""Style targets: losses against numpy, gradients against finite differences."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.networks.encoder import Basis
from engine.painting.statistics import LayerMoments
from engine.painting.style_targets import (
    GaussianTarget,
    GramTarget,
    MomentsTarget,
    _newton_schulz_sqrtm,
)
from tests.kit.moments import moments

Array = NDArray[np.float64]
DOUBLE = torch.float64
ONE, NONE = torch.ones((), dtype=DOUBLE), torch.zeros((), dtype=DOUBLE)


def random(*shape: int, seed: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


def features(seed: int, channels: int = 5) -> Tensor:
    return random(1, channels, 7, 6, seed=seed)


def flat(tensor: Tensor) -> Array:
    array: Array = tensor[0].flatten(1).numpy()
    return array


def moments_of(tensor: Tensor) -> LayerMoments:
    return moments(tensor, None, float(tensor.shape[2] * tensor.shape[3]))


def loss_of(target: MomentsTarget, found: LayerMoments) -> float:
    return float(target.loss(found)[0])


BASIS = Basis(random(4, 5, seed=8) - 0.5, random(4, seed=9) - 0.5)


def test_gram_distance_matches_the_paper_up_to_its_factor() -> None:
    f, s = flat(features(0)), flat(features(1))
    channels, positions = f.shape
    paper = ((f @ f.T - s @ s.T) ** 2).sum() / (4 * channels**2 * positions**2)
    found = loss_of(GramTarget(moments_of(features(1)), ONE), moments_of(features(0)))
    np.testing.assert_allclose(found / (4 * channels**2), paper, rtol=1e-13)


@pytest.mark.parametrize("centered", [False, True])
@pytest.mark.parametrize("basis", [None, BASIS], ids=["plain", "basis"])
def test_gram_targets_match_numpy(basis: Basis | None, centered: bool) -> None:
    f, s = flat(features(0)), flat(features(1))
    if basis is not None:
        weight, bias = basis.weight.numpy(), basis.bias.numpy()[:, None]
        f, s = weight @ f + bias, weight @ s + bias
    centered_or_not = [one - one.mean(1, keepdims=True) if centered else one for one in (f, s)]
    found_gram, style_gram = (one @ one.T / one.shape[1] for one in centered_or_not)
    expected = 0.7 * ((found_gram - style_gram) ** 2).sum()
    epsilon = 1e-5 * (s**2).mean(1).mean()
    deviations = [np.sqrt(one.var(1) + epsilon) for one in (f, s)]
    expected += 0.2 * ((deviations[0] - deviations[1]) ** 2).sum() / (deviations[1] ** 2).sum()
    if not centered:
        expected += 0.3 * ((f.mean(1) - s.mean(1)) ** 2).sum() / (s.mean(1) ** 2).sum()
    target = GramTarget(
        moments_of(features(1)).in_basis(basis),
        0.7 * ONE,
        means=0.3,
        deviations=0.2,
        centered=centered,
        basis=basis,
    )
    np.testing.assert_allclose(loss_of(target, moments_of(features(0))), expected, rtol=1e-12)


def all_targets() -> dict[str, MomentsTarget]:
    plain, in_basis = moments_of(features(1)), moments_of(features(1)).in_basis(BASIS)
    weights = {"means": 0.3, "deviations": 0.2}
    return {
        "gram alone": GramTarget(plain, 0.7 * ONE),
        "all": GramTarget(plain, 0.7 * ONE, means=0.3, deviations=0.2),
        "centered": GramTarget(plain, 0.7 * ONE, deviations=0.2, centered=True),
        "in a basis": GramTarget(in_basis, 0.7 * ONE, basis=BASIS, means=0.3, deviations=0.2),
        "in a basis, centered": GramTarget(
            in_basis, 0.7 * ONE, basis=BASIS, centered=True, **weights
        ),
        "gaussian": GaussianTarget(plain, 0.7 * ONE),
        "gaussian in a basis": GaussianTarget(in_basis, 0.7 * ONE, basis=BASIS),
    }


@pytest.mark.parametrize("name", all_targets())
def test_target_gradients_match_finite_differences(name: str) -> None:
    """Compared along random directions."""
    target, found = all_targets()[name], moments_of(features(0))
    grads = target.loss(found)[1]
    step = 1e-5
    for seed in range(8):
        matrix = random(5, 5, seed=seed) - 0.5
        direction = LayerMoments(matrix + matrix.mT, random(5, seed=seed + 50) - 0.5)
        above, below = (
            loss_of(
                target,
                LayerMoments(
                    found.second + sign * step * direction.second,
                    found.mean + sign * step * direction.mean,
                ),
            )
            for sign in (1, -1)
        )
        directional = (grads.second * direction.second).sum() + (grads.mean * direction.mean).sum()
        assert float(directional) == pytest.approx((above - below) / (2 * step), rel=1e-5)


def test_distance_of_moments_to_themselves_is_zero() -> None:
    same = moments_of(features(0))
    loss, grads = GramTarget(same, ONE, means=1, deviations=1).loss(same)
    assert float(loss) == 0
    assert not grads.second.any()
    assert not grads.mean.any()
    assert abs(loss_of(GaussianTarget(same), same)) < 1e-12


def _root(matrix: Array) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    root: Array = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    return root


def test_wasserstein_distance_matches_numpy() -> None:
    f, s = flat(features(0)), flat(features(1))
    target = GaussianTarget(moments_of(features(1)))
    ridge = float(target.epsilon) * np.eye(len(f))
    first, second = np.cov(f, bias=True) + ridge, np.cov(s, bias=True) + ridge
    root = _root(second)
    expected = ((f.mean(1) - s.mean(1)) ** 2).sum() + np.trace(
        first + second - 2 * _root(root @ first @ root)
    )
    np.testing.assert_allclose(loss_of(target, moments_of(features(0))), expected, rtol=1e-9)


def test_newton_schulz_gives_the_square_root_and_its_inverse() -> None:
    f = random(8, 400, seed=0).numpy()
    matrix = torch.from_numpy(np.cov(f, bias=True))
    root, inverse = _newton_schulz_sqrtm(matrix)
    torch.testing.assert_close(root @ root, matrix, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(root @ inverse, torch.eye(8, dtype=DOUBLE), atol=1e-6, rtol=0)


def test_wasserstein_of_float32_moments_is_nearly_exact() -> None:
    """Features of a network have few directions: most eigenvalues are nearly zero."""
    generator = torch.Generator().manual_seed(3)
    base = torch.randn(1, 48, 20, 30, generator=generator, dtype=DOUBLE)
    strength = torch.logspace(1, -4, 48, dtype=DOUBLE).view(1, 48, 1, 1)
    rotation = torch.linalg.qr(torch.randn(48, 48, generator=generator, dtype=DOUBLE))[0]
    features = torch.einsum("ij,njhw->nihw", rotation, base * strength)
    other = features + 0.01 * strength * torch.randn(base.shape, generator=generator).double()

    def distance(dtype: torch.dtype) -> float:
        found, target = (
            moments(one, None, 600.0).to(features.device, dtype) for one in (features, other)
        )
        return loss_of(GaussianTarget(target), found)

    assert distance(torch.float32) == pytest.approx(distance(DOUBLE), rel=0.02)


def test_means_and_deviations_tell_equal_gram_matrices_apart() -> None:
    target = moments_of(features(1))
    # E[F²] is equal, with all of it or none of it in the mean.
    all_mean = LayerMoments(target.second, target.second.diagonal().sqrt())
    no_mean = LayerMoments(target.second, torch.zeros_like(target.mean))
    for other in (all_mean, no_mean):
        assert loss_of(GramTarget(target, ONE), other) == 0
        assert loss_of(GramTarget(target, NONE, means=1), other) > 0.01
        assert loss_of(GramTarget(target, NONE, deviations=1), other) > 0.05


def test_constant_channel_has_a_finite_gradient() -> None:
    constant = features(0)
    constant[:, 2] = 0.5
    grads = GramTarget(moments_of(features(1)), NONE, deviations=1).loss(moments_of(constant))[1]
    assert bool(torch.isfinite(grads.second).all())


def test_variance_rounded_below_zero_has_no_gradient() -> None:
    constant = moments_of(features(0))
    mean = constant.mean.clone()
    mean[2] = (constant.second[2, 2] * (1 + 1e-12)).sqrt()
    rounded = LayerMoments(constant.second, mean)
    grads = GramTarget(moments_of(features(1)), NONE, deviations=1).loss(rounded)[1]
    assert float(grads.second[2, 2]) == float(grads.mean[2]) == 0
    assert float(grads.second[1, 1]) != 0


def test_flat_style_has_a_bounded_loss() -> None:
    flat_style = moments_of(torch.full((1, 5, 7, 6), 0.5, dtype=DOUBLE))
    target = GramTarget(flat_style, NONE, deviations=1)
    assert loss_of(target, moments_of(features(0))) < 200
    assert loss_of(target, flat_style) == 0
