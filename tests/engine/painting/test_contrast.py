import pytest
import torch
from torch import Tensor

from common.options import KeepColors, PaintOptions
from engine.painting import Painted, Picture, Style, paint
from engine.painting.color import luminance
from engine.painting.contrast import style_share
from engine.painting.inputs import check_inputs
from engine.painting.studio import Studio

NO_STROKES = "The style is almost plain, so the picture takes its colors, but hardly any strokes."


def patches(seed: int, *, size_px: int = 8) -> Tensor:
    """[3, 96, 128] of colored squares."""
    generator = torch.Generator().manual_seed(seed)
    few = torch.rand(3, 96 // size_px, 128 // size_px, generator=generator)
    return few.repeat_interleave(size_px, 1).repeat_interleave(size_px, 2)


def one_color(*color: float) -> Tensor:
    return torch.tensor(color, dtype=torch.float32)[:, None, None].expand(3, 96, 128).contiguous()


def share(*pictures: Tensor) -> float:
    return style_share([(1.0, Picture(pixels)) for pixels in pictures])


def test_style_with_strokes_has_its_full_weight_and_one_color_the_least() -> None:
    gradient = torch.linspace(0.1, 0.9, 96)[None, :, None].expand(3, -1, 128).contiguous()
    paper = one_color(0.9, 0.85, 0.7) + 0.05 * (patches(0) - 0.5)
    assert share(patches(0)) == 1
    assert share(one_color(0.1, 0.3, 0.8)) < share(gradient) < share(paper) < 1
    assert share(one_color(0, 0, 0), patches(0)) == 1  # blended, they have strokes


def test_small_sticker_on_a_transparent_ground_has_its_full_weight() -> None:
    alpha = torch.zeros(96, 128)
    alpha[40:56, 50:74] = 1
    sticker = Picture(patches(0), alpha)
    flat_sticker = Picture(one_color(0, 0, 0), alpha)
    found = [
        check_inputs(sticker, [Style(one)], PaintOptions(), None, None).style_share
        for one in (sticker, flat_sticker)
    ]
    assert found[0] == 1
    assert found[1] < 0.001


@pytest.mark.parametrize("keep", ["no", "luminance", "match", "histogram"])
def test_photographs_colors_do_not_decide_whether_the_style_is_plain(keep: KeepColors) -> None:
    dark, options = Picture(patches(1) * 0.01), PaintOptions(keep_colors=keep)
    lively, plain = Style(Picture(patches(0))), Style(Picture(one_color(0.1, 0.3, 0.8)))
    assert check_inputs(dark, [lively], options, None, None).style_share == 1
    assert check_inputs(dark, [plain], options, None, None).style_share < 0.001


def test_plain_photograph_is_its_own_style_at_full_weight() -> None:
    photograph = Picture(one_color(0.5, 0.5, 0.5))
    inputs = check_inputs(photograph, [Style(is_content=True)], PaintOptions(), None, None)
    assert inputs.style_share == 1


def painted(style: Tensor, recipe: str = "atelier") -> Painted:
    options = PaintOptions(
        network="lite",
        recipe=recipe,
        size_px=128,
        iterations=12,
        faces="off",
        content_layers={"form4_2": 1},
        style_layers={"form2_2": 1, "form3_1": 1},
    )
    photograph, studio = Picture(patches(2, size_px=16)), Studio(precision="fp32")
    *_, last = paint(photograph, [Style(Picture(style))], options, studio=studio)
    assert isinstance(last, Painted)
    return last


def test_photograph_stays_in_the_color_of_a_style_that_has_only_one() -> None:
    done = painted(one_color(0.1, 0.3, 0.8))
    lumas = [
        luminance(one[None]).flatten() for one in (patches(2, size_px=16), done.picture.pixels)
    ]
    assert float(torch.corrcoef(torch.stack(lumas))[0, 1]) > 0.9
    assert float(lumas[1].std()) > 0.08
    red, green, blue = done.picture.pixels.mean((1, 2)).tolist()
    assert red < green < blue
    assert NO_STROKES in map(str, done.report.notes)


def test_only_plain_styles_in_relative_losses_weigh_less() -> None:
    lively, gatys = painted(patches(0)), painted(one_color(0.1, 0.3, 0.8), recipe="gatys")
    for one, weight in ((lively, 1.0), (gatys, 5.0)):
        assert one.report.settings["style_weight"] == weight
        assert NO_STROKES not in map(str, one.report.notes)
