"""Pictures from Pillow: transparency, orientation, masks and style sizes."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from engine.networks.encoder import features_of
from engine.painting import PaintSettingsError, Picture, Style, mask_from_image
from engine.painting.inputs import check_inputs, fitted_size, fitted_style
from engine.painting.measuring import measure_style
from tests.kit.thin_vgg19 import (
    STYLE,
    noise_picture,
    paint_and_collect,
    quick_options,
    thin_studio,
    thin_vgg19,
)

LEFT = torch.cat([torch.ones(48, 32), torch.zeros(48, 32)], 1)


def half_transparent(color: float) -> Picture:
    """Noise on the left; transparent pixels of one color on the right."""
    pixels = noise_picture(48, 64).pixels.clone()
    pixels[:, :, 32:] = color
    return Picture(pixels, LEFT)


def test_hidden_colors_leave_no_fringe() -> None:
    pixels = torch.full((3, 200, 200), 0.9)
    pixels[:, :, 101:] = 0
    alpha = torch.zeros(200, 200)
    alpha[:, :101] = 1
    options = quick_options(size_px=96, scales=1, iterations=1, strength=0)
    painted, _ = paint_and_collect(options, thin_studio(), content=Picture(pixels, alpha))
    assert painted.picture.alpha is not None
    visible = painted.picture.pixels[:, painted.picture.alpha > 0.05]
    assert float(visible.min()) > 0.89


def test_filling_hidden_colors_keeps_half_transparent_colors() -> None:
    picture = Picture(noise_picture(20, 30).pixels, torch.full((20, 30), 0.5))
    assert torch.allclose(picture.filled().pixels, picture.pixels, atol=1e-6)


def test_hidden_parts_of_a_style_do_not_count() -> None:
    options = quick_options(scales=1, iterations=3)
    black, white, opaque = (
        paint_and_collect(options, thin_studio(), styles=[Style(style)])[0].picture.pixels
        for style in (half_transparent(0), half_transparent(1), Picture(half_transparent(1).pixels))
    )
    assert torch.equal(black, white)
    assert not torch.equal(black, opaque)
    picture = half_transparent(0)
    for core_px in (None, 32):
        found = measure_style(
            thin_vgg19(), picture.pixels.double(), ["relu1_1"], alpha=picture.alpha, core_px=core_px
        )
        features = features_of(thin_vgg19(), picture.pixels[None].double(), ["relu1_1"])["relu1_1"]
        expected = features[0, :, :, :32].mean((1, 2))
        assert torch.allclose(found["relu1_1"].mean, expected)


def test_fully_transparent_style_is_refused() -> None:
    style = Style(Picture(noise_picture(40, 40).pixels, torch.zeros(40, 40)))
    with pytest.raises(PaintSettingsError, match="completely transparent"):
        check_inputs(noise_picture(48, 64), [style], quick_options(), None, None)


@pytest.mark.parametrize(
    "pixels",
    [
        torch.zeros(3, 40, 40, dtype=torch.uint8),
        torch.rand(4, 40, 40),
        torch.full((3, 40, 40), torch.nan),
        torch.full((3, 40, 40), 255.0),
    ],
)
def test_pixels_of_wrong_type_shape_or_range_are_refused(pixels: torch.Tensor) -> None:
    with pytest.raises(PaintSettingsError, match="3, height, width"):
        check_inputs(Picture(pixels), [STYLE], quick_options(), None, None)


def test_exif_rotation_of_a_photograph_is_applied() -> None:
    image, file = Image.new("RGB", (60, 40)), io.BytesIO()
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(file, "JPEG", exif=exif)
    assert Picture.from_image(Image.open(file)).size == (60, 40)


def test_sixteen_bit_images_are_scaled_to_one() -> None:
    values = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    pixels = Picture.from_image(Image.fromarray(values)).pixels
    assert float(pixels.mean()) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("brightness", [0, 255])
def test_mask_drawn_on_transparency_follows_the_alpha(brightness: int) -> None:
    image = Image.new("RGBA", (10, 10), (255, 255, 255, 0))
    image.paste((brightness,) * 3 + (255,), (0, 0, 5, 10))
    mask = mask_from_image(image)
    assert torch.equal(mask[:, :5], torch.ones(10, 5))
    assert not bool(mask[:, 5:].any())


def test_mask_values_above_one_are_refused() -> None:
    mask = torch.full((48, 64), 255.0)
    with pytest.raises(PaintSettingsError, match="mask must consist of"):
        check_inputs(noise_picture(48, 64), [STYLE], quick_options(), mask, None)


@pytest.mark.parametrize("fit", ["resize", "crop", "mirror"])
@pytest.mark.parametrize("style", [(100, 150), (30, 40), (9, 300)])
@pytest.mark.parametrize("picture", [(113, 160), (48, 64), (20, 160)])
@pytest.mark.parametrize("style_scale", [0.5, 1.0, 1.3])
def test_fitted_style_has_the_predicted_size(
    fit: str, style: tuple[int, int], picture: tuple[int, int], style_scale: float
) -> None:
    fitted = fitted_style(torch.rand(1, *style), picture, style_scale, fit)
    assert tuple(fitted.shape[1:]) == fitted_size(style, picture, style_scale, fit)
