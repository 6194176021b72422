from dataclasses import replace
from typing import Any

import pytest
import torch

from common.options import PaintOptions
from engine.painting import PaintSettingsError, Picture, Style
from engine.painting.calm import calm_parts
from engine.painting.color import color_moments
from engine.painting.inputs import check_inputs, with_colors_first
from engine.painting.measuring import measure_style
from engine.painting.memory import History
from engine.painting.optimizers import Adam, enlarged, make_optimizer
from engine.painting.palette import Coloring
from engine.painting.picture import resized
from engine.painting.statistics import StatisticsKey, StyleStatistics
from engine.painting.studio import Studio
from engine.recipes.recipe import load_recipe
from tests.kit.thin_vgg19 import (
    QUICK_OPTIONS,
    STYLE,
    noise_picture,
    paint_and_collect,
    quick_options,
    step_events,
    thin_studio,
    thin_vgg19,
)


def test_black_parts_of_the_mask_keep_the_photograph() -> None:
    content = noise_picture(48, 64)
    mask = torch.zeros(48, 64)
    mask[:, 32:] = 1
    painted, _ = paint_and_collect(QUICK_OPTIONS, thin_studio(), content=content, mask=mask)
    assert torch.equal(painted.picture.pixels[:, :, :32], content.pixels[:, :, :32])
    assert not torch.equal(painted.picture.pixels[:, :, 32:], content.pixels[:, :, 32:])


def test_mask_applies_in_a_picture_too_narrow_for_the_network() -> None:
    content, mask = noise_picture(64, 6), torch.zeros(64, 6)
    mask[32:] = 1
    options = quick_options(scales=1, iterations=2)
    painted, _ = paint_and_collect(options, thin_studio(), content=content, mask=mask)
    assert torch.equal(painted.picture.pixels[:, :32], content.pixels[:, :32])
    assert not torch.equal(painted.picture.pixels[:, 32:], content.pixels[:, 32:])


def test_each_style_applies_where_its_mask_says() -> None:
    left = torch.zeros(64, 64)
    left[:, :32] = 1
    red, blue = torch.zeros(3, 40, 40), torch.zeros(3, 40, 40)
    red[0], blue[2] = 1, 1
    styles = [Style(Picture(red), mask=left), Style(Picture(blue), mask=1 - left)]
    options = quick_options(iterations=20, strength=1.0, style_layers={"relu1_1": 1, "relu2_1": 1})
    painted, _ = paint_and_collect(
        options, thin_studio(), content=noise_picture(64, 64), styles=styles
    )
    red_minus_blue = painted.picture.pixels[0] - painted.picture.pixels[2]
    assert float(red_minus_blue[:, :26].mean()) > 0.3
    assert float(red_minus_blue[:, 38:].mean()) < -0.3


def test_styles_mix_by_their_weights() -> None:
    first, second = Style(noise_picture(40, 40, 1)), Style(noise_picture(40, 40, 2))
    one, _ = paint_and_collect(QUICK_OPTIONS, thin_studio(), styles=[first])
    almost_one_style, _ = paint_and_collect(
        QUICK_OPTIONS, thin_studio(), styles=[first, replace(second, weight=1e-9)]
    )
    half, _ = paint_and_collect(QUICK_OPTIONS, thin_studio(), styles=[first, second])
    other, _ = paint_and_collect(QUICK_OPTIONS, thin_studio(), styles=[second])
    near = (almost_one_style.picture.pixels - one.picture.pixels).abs().mean()
    far = (half.picture.pixels - one.picture.pixels).abs().mean()
    farther = (other.picture.pixels - one.picture.pixels).abs().mean()
    assert near < far < farther


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_photograph_of_one_color_gets_the_paintings_contrast(noise: float) -> None:
    grain = torch.randn(3, 64, 96, generator=torch.Generator().manual_seed(0))
    plain = Picture((0.5 + noise / 255 * grain).clamp(0, 1))
    stripes = torch.tensor([0.1, 0.9]).repeat_interleave(8).repeat(6).expand(3, 64, 96)
    options = PaintOptions(network="lite", size_px=96, scales=1, iterations=20)
    painted, _ = paint_and_collect(
        options,
        Studio(precision="fp32"),
        content=plain,
        styles=[Style(Picture(stripes.contiguous()))],
    )
    assert float(painted.picture.pixels.std()) > 0.5 * float(stripes.std())


def test_zero_strength_returns_the_photograph() -> None:
    content = noise_picture(64, 64)
    painted, _ = paint_and_collect(quick_options(strength=0.0), thin_studio(), content=content)
    torch.testing.assert_close(painted.picture.pixels, content.pixels, rtol=0, atol=1e-6)


def test_start_picture_may_have_another_size() -> None:
    options = quick_options(start="file", start_noise=0.1)
    painted, _ = paint_and_collect(options, thin_studio(), start=noise_picture(30, 30, 5))
    assert painted.picture.size == (48, 64)


def test_each_keep_colors_method_keeps_the_photographs_colors() -> None:
    content = Picture(torch.zeros(3, 64, 64))
    content.pixels[1] = noise_picture(64, 64).pixels[0]
    style = [Style(Picture(torch.rand(3, 50, 50) * torch.tensor([1.0, 0.1, 0.1]).view(3, 1, 1)))]
    plain, _ = paint_and_collect(QUICK_OPTIONS, thin_studio(), content=content, styles=style)
    for method in ("luminance", "match", "histogram"):
        options = quick_options(keep_colors=method)
        painted, _ = paint_and_collect(options, thin_studio(), content=content, styles=style)
        assert painted.picture.pixels[0].mean() < plain.picture.pixels[0].mean(), method


@pytest.mark.parametrize(
    ("fit", "pooling"), [("resize", "max"), ("crop", "average"), ("mirror", "max")]
)
def test_painting_works_with_every_style_fit_and_pooling(fit: str, pooling: str) -> None:
    options = quick_options(style_fit=fit, pooling=pooling, style_scale=0.6)
    painted, _ = paint_and_collect(options, thin_studio())
    assert painted.report.settings["pooling"] == pooling


def test_content_as_style_and_style_regions_change_the_painting() -> None:
    own, _ = paint_and_collect(QUICK_OPTIONS, thin_studio(), styles=[Style(is_content=True)])
    part, _ = paint_and_collect(
        QUICK_OPTIONS, thin_studio(), styles=[replace(STYLE, region=(0.0, 0.0, 0.5, 0.5))]
    )
    whole, _ = paint_and_collect(QUICK_OPTIONS, thin_studio(), styles=[STYLE])
    assert not torch.equal(own.picture.pixels, whole.picture.pixels)
    assert not torch.equal(part.picture.pixels, whole.picture.pixels)


def test_alpha_of_the_content_is_kept() -> None:
    alpha = torch.zeros(96, 128)
    alpha[:, 64:] = 1
    content = Picture(noise_picture(96, 128).pixels, alpha)
    painted, _ = paint_and_collect(QUICK_OPTIONS, thin_studio(), content=content)
    assert painted.picture.alpha is not None
    assert painted.picture.to_image().mode == "RGBA"
    assert painted.picture.alpha.shape == (48, 64)
    assert painted.picture.alpha[:, :30].max() == 0
    assert painted.picture.alpha[:, 34:].min() == 1


@pytest.mark.parametrize(
    ("content", "size_px", "expected"),
    [
        ((1, 1), 64, (64, 64)),
        ((10, 1000), 128, (1, 128)),
        ((1000, 10), 128, (128, 1)),
        ((101, 67), 97, (97, 64)),
        ((67, 101), 64, (42, 64)),
    ],
)
def test_painting_keeps_any_aspect_ratio_to_the_pixel(
    content: tuple[int, int], size_px: int, expected: tuple[int, int]
) -> None:
    picture = Picture(torch.rand(3, *content))
    options = quick_options(size_px=size_px, iterations=2)
    painted, events = paint_and_collect(options, thin_studio(), content=picture)
    assert painted.picture.size == expected
    preview = step_events(events)[-1].preview(50)
    assert max(preview.size) <= 50


def test_one_pixel_style_can_be_painted_with() -> None:
    painted, _ = paint_and_collect(
        QUICK_OPTIONS, thin_studio(), styles=[Style(Picture(torch.rand(3, 1, 1)))]
    )
    assert bool(torch.isfinite(painted.picture.pixels).all())


def test_fingerprints_paint_like_the_style_picture() -> None:
    studio = thin_studio()
    options = quick_options(scales=1)
    style = noise_picture(64, 64, 7)
    encoder = thin_vgg19(dtype=torch.float32)
    key = StatisticsKey(style.hash, "vgg19", encoder.weights_hash, "max", 64, 64)
    layers = [f"relu{n}_1" for n in range(1, 6)]
    calm = calm_parts(style.pixels)
    statistics = StyleStatistics(key, measure_style(encoder, style.pixels, layers, calm=calm))
    loaded = StyleStatistics.from_bytes(statistics.to_bytes())
    assert loaded.key == key
    loaded = replace(loaded, colors=color_moments(style.pixels[None]))
    from_picture, _ = paint_and_collect(options, studio, styles=[Style(style)])
    from_fingerprint, _ = paint_and_collect(options, studio, styles=[Style(fingerprints=[loaded])])
    difference = from_picture.picture.pixels - from_fingerprint.picture.pixels
    assert float(difference.abs().max()) < 1e-3
    with pytest.raises(PaintSettingsError, match="its picture is needed"):
        paint_and_collect(
            quick_options(pooling="average"), studio, styles=[Style(fingerprints=[loaded])]
        )
    with pytest.raises(ValueError, match="not a file of style statistics"):
        StyleStatistics.from_bytes(statistics.to_bytes()[:50])


def test_a_fingerprint_without_calm_parts_paints_and_mixes_with_a_picture() -> None:
    studio, style = thin_studio(), noise_picture(64, 64, 7)
    encoder = thin_vgg19(dtype=torch.float32)
    key = StatisticsKey(style.hash, "vgg19", encoder.weights_hash, "max", 64, 64)
    layers = [f"relu{n}_1" for n in range(1, 6)]
    older = Style(fingerprints=[StyleStatistics(key, measure_style(encoder, style.pixels, layers))])
    alone, _ = paint_and_collect(QUICK_OPTIONS, studio, styles=[older])
    mixed, _ = paint_and_collect(QUICK_OPTIONS, studio, styles=[older, STYLE])
    for painted in (alone, mixed):
        assert bool(painted.picture.pixels.isfinite().all())
    assert not torch.equal(alone.picture.pixels, mixed.picture.pixels)


def test_colors_first_gives_the_photograph_the_styles_palette() -> None:
    content, style = noise_picture(48, 64), Picture(0.2 + 0.5 * noise_picture(40, 40, 3).pixels)
    styles = [Style(style)]
    minimal = {"scales": 1, "iterations": 1, "content_weight": 1e6, "size_px": 64}
    first, _ = paint_and_collect(
        quick_options(colors_first=1.0, **minimal), thin_studio(), styles=styles
    )
    plain, _ = paint_and_collect(
        quick_options(colors_first=0.0, **minimal), thin_studio(), styles=styles
    )
    expected = style.pixels.mean((1, 2))
    assert float((first.picture.pixels.mean((1, 2)) - expected).abs().max()) < 0.03
    own_mean = content.pixels.mean((1, 2))
    assert float((plain.picture.pixels.mean((1, 2)) - own_mean).abs().max()) < 0.03


def test_recoloring_is_not_by_hue_where_faces_are_found() -> None:
    content = noise_picture(48, 64)
    inputs = check_inputs(content, [STYLE], QUICK_OPTIONS, None, None)
    faces = replace(inputs, faces=torch.ones(48, 64))
    by_hue, by_light = (with_colors_first(one, 1.0).target.pixels for one in (inputs, faces))
    assert not torch.allclose(by_hue, by_light, atol=1e-3)


def test_faces_are_recolored_half_as_much() -> None:
    content, left = noise_picture(48, 64), torch.zeros(48, 64)
    left[:, :32] = 1
    inputs = replace(check_inputs(content, [STYLE], QUICK_OPTIONS, None, None), faces=left)
    coloring = Coloring.of(content.pixels, faces=True)
    found, whole = (
        with_colors_first(replace(inputs, faces=faces), 1.0, coloring).target.pixels
        for faces in (left, None)
    )
    half = (content.pixels + whole) / 2
    torch.testing.assert_close(found[..., :32], half[..., :32])
    torch.testing.assert_close(found[..., 32:], whole[..., 32:])


@pytest.mark.parametrize("faces", [True, False])
def test_frame_is_recolored_by_the_coloring_of_its_scene(faces: bool) -> None:
    first, later = noise_picture(48, 64), noise_picture(48, 64, 5)
    coloring = Coloring.of(first.pixels, faces=faces)
    inputs = check_inputs(first, [STYLE], QUICK_OPTIONS, None, None)
    inputs = replace(inputs, faces=torch.ones(48, 64) if faces else None)
    assert torch.equal(
        with_colors_first(inputs, 1.0, coloring).target.pixels,
        with_colors_first(inputs, 1.0).target.pixels,
    )
    joined = Picture(torch.cat([first.pixels, later.pixels], 2))
    both, there = (
        with_colors_first(replace(inputs, content=one), 1.0, coloring).target.pixels
        for one in (joined, later)
    )
    assert torch.equal(
        both[:, :, 64:], there
    )  # the coloring does not depend on the frame's own colors


@pytest.mark.parametrize("options", [{"keep_colors": "luminance"}, {"strength": 0.0}])
def test_colors_first_is_off_where_the_photographs_colors_stay(
    options: dict[str, Any],
) -> None:
    painted, _ = paint_and_collect(quick_options(**options), thin_studio())
    assert painted.report.settings["colors_first"] == 0


def test_fingerprint_without_colors_turns_colors_first_off() -> None:
    encoder, style = thin_vgg19(dtype=torch.float32), noise_picture(64, 64, 7)
    key = StatisticsKey(style.hash, "vgg19", encoder.weights_hash, "max", 64, 64)
    layers = [f"relu{n}_1" for n in range(1, 6)]
    fingerprint = StyleStatistics(key, measure_style(encoder, style.pixels, layers))
    painted, _ = paint_and_collect(
        QUICK_OPTIONS, thin_studio(), styles=[Style(fingerprints=[fingerprint])]
    )
    assert painted.report.settings["colors_first"] == 0


def test_palettes_follow_style_masks_and_black_of_the_mask_stays_unpainted() -> None:
    left = torch.zeros(48, 64)
    left[:, :32] = 1
    red, blue = torch.full((3, 40, 40), 0.1), torch.full((3, 40, 40), 0.1)
    red[0], blue[2] = 0.9, 0.9
    content = noise_picture(48, 64)
    styles = [Style(Picture(red), mask=left), Style(Picture(blue), mask=1 - left)]
    inputs = check_inputs(content, styles, QUICK_OPTIONS, left, None)
    recolored = with_colors_first(inputs, 1.0)
    red_minus_blue = recolored.target.pixels[0] - recolored.target.pixels[2]
    assert float(red_minus_blue[:, :32].min()) > 0.3
    assert float(red_minus_blue[:, 32:].max()) < -0.3
    options = quick_options(scales=1, iterations=1)
    painted, _ = paint_and_collect(
        options, thin_studio(), content=content, styles=styles, mask=left
    )
    found = painted.picture.pixels
    assert float((found[0] - found[2])[:, :32].mean()) > 0.3
    assert torch.equal(found[..., 32:], content.pixels[..., 32:])


@pytest.mark.parametrize("history", [History(4), None])
def test_enlarging_a_photograph_with_its_detail_restores_the_photograph(
    history: History | None,
) -> None:
    photograph = noise_picture(48, 64).pixels[None]
    small = resized(photograph[0], (24, 32))[None]
    detail = photograph - enlarged(small, (48, 64), "bicubic")
    assert float(detail.abs().max()) > 0.01
    optimizer = make_optimizer(history, small, load_recipe("atelier").optimizer)
    torch.testing.assert_close(optimizer.last_resized((48, 64), detail), photograph)
    if history is None:
        new_optimizer = make_optimizer(None, small, load_recipe("atelier").optimizer)
        assert isinstance(new_optimizer, Adam)
        torch.testing.assert_close(new_optimizer.rescaled((48, 64), detail).point, photograph)


def test_full_strength_adds_no_detail_of_the_photograph() -> None:
    painted, _ = paint_and_collect(quick_options(strength=1.0), thin_studio())
    assert painted.report.settings["detail"] == 0
