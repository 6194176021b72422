"""Finishing: keeping colors, cropping and previews."""

import pytest
import torch

from common.options import PaintOptions
from engine.painting.color import luminance
from engine.painting.finish import Finisher
from tests.kit.thin_vgg19 import noise_picture

PHOTOGRAPH, PAINTED = noise_picture(48, 64), noise_picture(48, 64, seed=1).pixels[None]


def finisher(**options: object) -> Finisher:
    paint_options = PaintOptions.model_validate(options)
    return Finisher((48, 64), (48, 64), PHOTOGRAPH.pixels, None, paint_options)


def test_keep_colors_strength_sets_the_share_of_the_photographs_colors() -> None:
    none, half, full = (
        finisher(keep_colors="luminance", keep_colors_strength=strength).picture(PAINTED).pixels
        for strength in (0, 0.5, 1)
    )
    assert torch.allclose(none, PAINTED[0], atol=1e-5)
    assert float((full - none).abs().mean()) > 0.02
    assert float((half - (none + full) / 2).abs().mean()) < 0.01
    light = luminance(full[None]) - luminance(PAINTED)
    assert float(light.abs().mean()) < 0.02


@pytest.mark.parametrize("max_side_px", [512, 40])
def test_narrow_picture_is_cropped_from_the_padded_painting_with_its_alpha(
    max_side_px: int,
) -> None:
    alpha = torch.zeros(128, 10)
    alpha[64:] = 1
    finisher_of_narrow = Finisher(
        (128, 10), (128, 32), noise_picture(128, 32).pixels, alpha, PaintOptions()
    )
    painted = noise_picture(128, 32, seed=1).pixels[None]
    picture = finisher_of_narrow.picture(painted)
    assert picture.alpha is not None
    assert picture.size == tuple(picture.alpha.shape) == (128, 10)
    assert torch.equal(picture.pixels, painted[0, :, :, :10])
    assert torch.equal(picture.alpha, alpha)
    preview = finisher_of_narrow.preview(painted, max_side_px)
    longest = min(max_side_px, 128)
    assert preview.size == (round(10 * longest / 128), longest)
    assert preview.mode == "RGBA"
