import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from common.options import KeepColors
from engine.painting import color

METHODS: tuple[KeepColors, ...] = ("no", "luminance", "match", "histogram")


def picture(kind: str, seed: int, height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(1, 3, height, width, generator=generator)
    match kind:
        case "grey":
            return noise[:, :1].expand(1, 3, height, width).contiguous()
        case "flat":
            return torch.rand(1, 3, 1, 1, generator=generator).expand_as(noise).contiguous()
        case "black":
            return torch.zeros_like(noise)
        case "white":
            return torch.ones_like(noise)
        case _:
            return (noise * torch.tensor([0.9, 0.4, 0.2]).view(1, 3, 1, 1) + 0.05).clamp(0, 1)


kinds = st.sampled_from(["colors", "grey", "flat", "black", "white"])
sides = st.integers(1, 9)


@settings(max_examples=150, deadline=None)
@given(kinds, kinds, sides, sides, sides, sides, st.sampled_from(METHODS), st.floats(0, 1))
def test_any_pictures_give_finite_colors_in_range(
    style_kind: str,
    content_kind: str,
    height: int,
    width: int,
    other_height: int,
    other_width: int,
    method: KeepColors,
    strength: float,
) -> None:
    style = picture(style_kind, 1, height, width)
    content = picture(content_kind, 2, other_height, other_width)
    painted = picture("colors", 3, other_height, other_width)
    for found, original in (
        (color.prepare_style(style, content, method, strength), style),
        (color.finish(painted, content, method, strength), painted),
    ):
        assert found.shape == original.shape
        assert found.dtype == original.dtype
        assert torch.isfinite(found).all()
        assert float(found.min()) >= 0
        assert float(found.max()) <= 1


@pytest.mark.parametrize("method", METHODS)
def test_zero_strength_changes_nothing(method: KeepColors) -> None:
    style, content = picture("colors", 1, 7, 6), picture("colors", 2, 5, 4)
    painted = picture("colors", 3, 5, 4)
    assert torch.equal(color.prepare_style(style, content, method, 0.0), style)
    assert torch.equal(color.finish(painted, content, method, 0.0), painted)


def test_matched_style_has_the_contents_color_moments() -> None:
    generator = torch.Generator().manual_seed(4)
    mix = torch.tensor([[0.06, 0.02, 0.0], [0.01, 0.05, 0.02], [0.0, 0.01, 0.04]])
    style = 0.5 + 0.05 * torch.randn(1, 3, 40, 50, generator=generator).clamp(-2.5, 2.5)
    content = 0.45 + torch.einsum(
        "ij,njhw->nihw", mix, torch.randn(1, 3, 30, 30, generator=generator).clamp(-2.5, 2.5)
    )
    expected = color.color_moments(content)
    found = color.color_moments(color.match_moments(style, expected))
    assert torch.allclose(found.mean, expected.mean, atol=1e-4)
    assert torch.allclose(found.covariance, expected.covariance, atol=1e-5)


def test_matching_with_itself_changes_nothing() -> None:
    style = picture("colors", 1, 20, 20)
    assert torch.allclose(color.match_moments(style, color.color_moments(style)), style, atol=1e-5)
    assert torch.allclose(color.match_histogram(style, style), style, atol=5e-3)


def test_a_grey_content_makes_a_grey_style() -> None:
    style, content = picture("colors", 1, 20, 20), picture("grey", 2, 20, 20)
    for method in ("match", "histogram"):
        found = color.prepare_style(style, content, method, 1.0)
        assert float((found - found.mean(1, keepdim=True)).abs().mean()) < 0.005


def test_a_nearly_grey_style_is_not_made_noisy() -> None:
    grey = picture("grey", 1, 30, 30)
    style = (grey + 0.002 * torch.randn(grey.shape)).clamp(0, 1)
    found = color.match_moments(style, color.color_moments(picture("colors", 2, 30, 30)))
    colorfulness = (found - color.luminance(found)).flatten(2)
    assert float(colorfulness.std(2).max()) < 0.15


def test_matched_style_has_the_contents_histograms() -> None:
    style, content = picture("grey", 1, 40, 40), picture("colors", 2, 50, 40)
    style = 0.8 * style + 0.2 * torch.rand(style.shape)
    found = color.match_histogram(style, content)
    for channel in range(3):
        ranks = torch.linspace(0.02, 0.98, 25)
        quantiles = torch.quantile(found[0, channel].flatten(), ranks)
        expected = torch.quantile(content[0, channel].flatten(), ranks)
        assert torch.allclose(quantiles, expected, atol=0.02)


def test_luminance_comes_from_the_painting_and_hue_from_the_content() -> None:
    painted, content = picture("colors", 1, 9, 9), picture("colors", 2, 9, 9)
    found = color.finish(painted, content, "luminance", 1.0)
    assert torch.allclose(color.luminance(found), color.luminance(painted), atol=1e-5)
    before = content - color.luminance(content)
    after = found - color.luminance(found)
    # Chroma is at most scaled down: the same hue, never more of it.
    share = (after * before).sum(1) / before.square().sum(1)
    assert torch.allclose(after, share[:, None] * before, atol=1e-5)
    assert float(share.max()) <= 1 + 1e-5
    same = color.with_luminance(content, color.luminance(content))
    assert torch.allclose(same, content, atol=1e-6)


def test_grey_style_has_the_contents_luminance() -> None:
    style, content = picture("colors", 1, 30, 30) * 0.5 + 0.2, picture("colors", 2, 30, 30)
    grey = color.prepare_style(style, content, "luminance", 1.0)
    assert float((grey[:, 0] - grey[:, 2]).abs().max()) == 0
    light = color.luminance(content)
    assert float(grey.mean()) == pytest.approx(float(light.mean()), abs=0.01)
    assert float(color.luminance(grey).std()) == pytest.approx(float(light.std()), rel=0.1)


def test_mixed_palette_equals_the_palette_of_pictures_side_by_side() -> None:
    one, two = picture("noise", 1, 20, 30), picture("noise", 2, 20, 30) * 0.5
    mixed = color.mixed_colors([(1.0, color.color_moments(one)), (1.0, color.color_moments(two))])
    joined = color.color_moments(torch.cat([one, two], 3))
    torch.testing.assert_close(mixed.mean, joined.mean, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(mixed.covariance, joined.covariance, rtol=1e-4, atol=1e-6)
