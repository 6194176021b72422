"""The lite encoder: determinism, shapes, bases, tiles and precision."""

from itertools import combinations

import pytest
import torch

from engine.lite.encoder import LiteEncoder
from engine.lite.network import BY_LAYER, BY_NAME, LAYERS, READINGS, load_weights
from engine.networks.encoder import Encoder, WeightsError, features_of
from engine.painting.losses import from_basis, in_basis
from engine.painting.measuring import measure_style
from engine.painting.picture import Picture
from engine.painting.tiles import Tiling
from tests.kit.lite import weight_shapes
from tests.kit.moments import moments


def picture(
    height: int, width: int, seed: int = 0, dtype: torch.dtype = torch.float32
) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, 3, height, width, generator=generator).to(dtype)


def test_lite_encoder_gives_the_same_features_each_time() -> None:
    first, second = LiteEncoder(device=torch.device("cpu")), LiteEncoder()
    assert isinstance(first, Encoder)
    assert first.weights_hash == second.weights_hash
    found, repeated = (
        features_of(first, picture(48, 64), LAYERS),
        features_of(second, picture(48, 64), LAYERS),
    )
    assert all(torch.equal(found[name], repeated[name]) for name in LAYERS)


def test_changed_weights_change_the_hash() -> None:
    weights = load_weights()
    weights["conv1.bias"] = weights["conv1.bias"] + 0.25
    assert LiteEncoder(weights=weights).weights_hash != LiteEncoder().weights_hash


def test_shipped_weights_match_the_network_and_are_small() -> None:
    weights = load_weights()
    assert {name: tuple(tensor.shape) for name, tensor in weights.items()} == weight_shapes()
    assert all(bool(torch.isfinite(tensor).all()) for tensor in weights.values())
    assert sum(tensor.numel() for tensor in weights.values()) * 2 < 3 * 1024**2


@pytest.mark.parametrize("size", [(64, 64), (65, 83), (32, 33), (40, 320)])
def test_layer_shapes_follow_width_and_stride(size: tuple[int, int]) -> None:
    encoder = LiteEncoder()
    found = features_of(encoder, picture(*size), LAYERS)
    assert list(found) == list(LAYERS)
    for reading in READINGS:
        features, stride = found[reading.layer], encoder.stride_px(reading.layer)
        width = BY_NAME[reading.source].width
        assert features.shape == (1, width, size[0] // stride, size[1] // stride)
        assert bool(torch.isfinite(features).all())


def test_layer_features_do_not_depend_on_other_requested_layers() -> None:
    encoder = LiteEncoder()
    whole = features_of(encoder, picture(64, 80), LAYERS)
    for names in [(name,) for name in LAYERS] + list(combinations(LAYERS, 2)):
        found = features_of(encoder, picture(64, 80), names)
        assert list(found) == list(names)
        assert all(torch.equal(found[name], whole[name]) for name in names)


@pytest.mark.parametrize("layer", LAYERS)
def test_moments_in_a_basis_equal_moments_of_features_in_that_basis(layer: str) -> None:
    encoder = LiteEncoder(dtype=torch.float64)
    basis = encoder.basis(layer)
    features = features_of(encoder, picture(64, 80, dtype=torch.float64), (layer,))[layer]
    transformed = in_basis(features, basis)
    assert transformed.shape[1] == basis.bias.numel() == BY_LAYER[layer].width
    count = float(features[0, 0].numel())
    found = moments(features, None, count).in_basis(basis)
    expected = moments(transformed, None, count)
    torch.testing.assert_close(found.second, expected.second, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(found.mean, expected.mean, rtol=1e-9, atol=1e-12)


def test_gradient_from_basis_matches_autograd() -> None:
    encoder = LiteEncoder(dtype=torch.float64)
    weight = encoder.basis("form4_2").weight
    grad = torch.rand(1, weight.shape[0], 3, 4, dtype=torch.float64)
    features = torch.rand(1, weight.shape[1], 3, 4, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(in_basis(features, encoder.basis("form4_2")), features, grad)
    torch.testing.assert_close(from_basis(grad, encoder.basis("form4_2")), expected)


def test_gradient_of_a_flat_color_is_nearly_uniform() -> None:
    """Max pooling would pass the gradient to one pixel of four, which shows as a grid in skies."""
    pixels = torch.full((1, 3, 64, 64), 0.4).requires_grad_()
    found = features_of(LiteEncoder(), pixels, ("form2_2",))["form2_2"]
    (grad,) = torch.autograd.grad(found.square().sum(), pixels)
    inside = grad[..., 16:-16, 16:-16]
    assert (inside - inside.mean((2, 3), keepdim=True)).abs().max() < 0.2 * inside.abs().max()


def test_unknown_layer_error_lists_the_available_layers() -> None:
    with pytest.raises(WeightsError, match=r"relu4_2.*form1_2"):
        features_of(LiteEncoder(), picture(64, 64), ["relu4_2"])


@pytest.mark.parametrize(
    "layers", [LAYERS, *({read.source: (read.layer,) for read in READINGS}.values())]
)
def test_the_margin_is_wide_enough_for_exact_tiles(layers: tuple[str, ...]) -> None:
    encoder = LiteEncoder(dtype=torch.float64)
    whole = picture(104, 112, dtype=torch.float64)
    features = features_of(encoder, whole, layers)
    tiling = Tiling((104, 112), 32, encoder.margin_px(layers))
    for core in tiling.cores():
        window = tiling.window(core)
        found = features_of(encoder, window.of(whole), layers)
        for name in layers:
            stride = encoder.stride_px(name)
            got = core.inside(window).at_stride(stride).of(found[name])
            expected = core.at_stride(stride).of(features[name])
            assert (got - expected).abs().max() < 1e-12


def test_bfloat16_has_a_gradient_and_nearly_exact_features() -> None:
    encoder = LiteEncoder(dtype=torch.bfloat16)
    pixels = picture(64, 64).requires_grad_()
    found = features_of(encoder, pixels, LAYERS).values()
    loss = torch.stack([one.float().square().mean() for one in found]).sum()
    (gradient,) = torch.autograd.grad(loss, pixels)
    assert bool((gradient != 0).any())
    exact = features_of(LiteEncoder(), picture(64, 64), LAYERS)
    low_precision = features_of(encoder, picture(64, 64), LAYERS)
    for name in LAYERS:
        assert (low_precision[name].float() - exact[name]).norm() < 0.03 * exact[name].norm()


def test_statistics_do_not_depend_on_tiles() -> None:
    encoder = LiteEncoder(dtype=torch.float64)
    pixels = Picture(picture(128, 160)[0]).pixels.double()
    whole = measure_style(encoder, pixels, LAYERS)
    tiled = measure_style(encoder, pixels, LAYERS, core_px=64)
    for name in LAYERS:
        torch.testing.assert_close(tiled[name].second, whole[name].second, rtol=1e-10, atol=1e-14)


def test_bytes_per_pixel_grow_with_the_layers() -> None:
    encoder = LiteEncoder()
    assert encoder.bytes_per_pixel(LAYERS) > encoder.bytes_per_pixel(("form2_2",))
    assert encoder.bytes_per_pixel(("form2_2",)) > encoder.bytes_per_pixel(("form1_2",)) > 0
