"""The grain term: soft photographs get no grain from the style, and fine detail is kept."""

import pytest
import torch
from torch import Tensor

from common.options import PaintOptions
from engine.lite.encoder import LiteEncoder
from engine.networks.encoder import Encoder
from engine.painting import Picture, Studio, Style
from engine.painting.inputs import check_inputs
from engine.painting.measuring import Measuring
from engine.painting.plan import make_plan
from engine.painting.terms.grain import GrainTerm, darkness
from engine.recipes.recipe import Recipe, load_recipe
from tests.kit.thin_vgg19 import noise_picture, paint_and_collect
from tools.evaluation.measures import two_pixel_power

HEIGHT, WIDTH = 96, 128
MAX_EXCESS = 4.0
"""Largest allowed two-pixel power, relative to the photograph."""


def sharpened_scan() -> Picture:
    """Strokes of a few pixels with hard edges, like a sharpened scan."""
    generator = torch.Generator().manual_seed(2)
    random_values = torch.rand(1, 3, HEIGHT // 4, WIDTH // 2, generator=generator)
    strokes = torch.nn.functional.interpolate(random_values, (HEIGHT, WIDTH), mode="nearest")[0]
    return Picture(strokes.contiguous())


def soft_photograph() -> Picture:
    """An enlarged photograph: a little noise, but no detail of two pixels."""
    noise = torch.randn(3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(3))
    return Picture((noise_picture(HEIGHT, WIDTH).pixels + 0.006 * noise).clamp(0, 1))


def with_stripes(picture: Picture) -> Picture:
    """Add one-pixel stripes in the middle."""
    pixels = picture.pixels.clone()
    pixels[:, HEIGHT // 3 : 2 * HEIGHT // 3, ::2] *= 0.5
    return Picture(pixels)


def paint_picture(photograph: Picture, style: Picture | None = None) -> Picture:
    def opener(*_: object, **settings: object) -> Encoder:
        return LiteEncoder(device=torch.device("cpu"), dtype=settings["dtype"])  # type: ignore[arg-type]

    options = PaintOptions(size_px=WIDTH, network="lite", scales=2, iterations=12)
    result, _ = paint_and_collect(
        options,
        Studio(opener=opener, precision="fp32"),
        content=photograph,
        styles=[Style(style or sharpened_scan())],
    )
    return result.picture


def power(picture: Picture) -> float:
    pixels: Tensor = picture.pixels[None]
    return two_pixel_power(pixels)


@pytest.fixture
def _no_grain_term(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = load_recipe("atelier")
    choices = tuple(choice.model_copy(update={"terms": {}}) for choice in recipe.choices)
    changed_recipe: Recipe = recipe.model_copy(update={"choices": choices})
    monkeypatch.setattr("engine.painting.painter.load_recipe", lambda _: changed_recipe)


def test_sharpened_scan_adds_no_grain_to_a_soft_photograph() -> None:
    soft = soft_photograph()
    assert power(paint_picture(soft)) <= MAX_EXCESS * power(soft)


@pytest.mark.usefixtures("_no_grain_term")
def test_sharpened_scan_adds_grain_without_the_grain_term() -> None:
    soft = soft_photograph()
    assert power(paint_picture(soft)) > 2 * MAX_EXCESS * power(soft)


def test_finest_detail_of_the_photograph_is_kept() -> None:
    striped = with_stripes(soft_photograph())
    assert 0.5 * power(striped) < power(paint_picture(striped)) < 2 * power(striped)


def half_dark() -> Picture:
    """A picture whose left half is nearly black, and whose right half is gray."""
    pixels = noise_picture(HEIGHT, WIDTH).pixels.clone()
    pixels[:, :, : WIDTH // 2] = 0.03 + 0.03 * pixels[:, :, : WIDTH // 2]
    pixels[:, :, WIDTH // 2 :] = 0.35 + 0.3 * pixels[:, :, WIDTH // 2 :]
    return Picture(pixels)


def night_sky() -> Picture:
    """A dark picture with light dots of two pixels."""
    generator = torch.Generator().manual_seed(2)
    random_values = torch.rand(1, 1, HEIGHT // 2, WIDTH // 2, generator=generator) < 0.06
    dots = torch.nn.functional.interpolate(random_values.float(), (HEIGHT, WIDTH), mode="nearest")[
        0
    ]
    return Picture((0.08 + 0.85 * dots).expand(3, -1, -1).contiguous())


def power_of_halves(picture: Picture) -> tuple[float, float]:
    """Two-pixel power of the left and right half."""
    middle = WIDTH // 2
    left, right = picture.pixels[None, :, :, :middle], picture.pixels[None, :, :, middle:]
    return two_pixel_power(left), two_pixel_power(right)


def test_nearly_black_parts_get_few_specks(monkeypatch: pytest.MonkeyPatch) -> None:
    result = power_of_halves(paint_picture(half_dark(), night_sky()))
    recipe = load_recipe("atelier")
    choices = tuple(choice.model_copy(update={"dark": 0.0}) for choice in recipe.choices)
    without_dark: Recipe = recipe.model_copy(update={"choices": choices})
    monkeypatch.setattr("engine.painting.painter.load_recipe", lambda _: without_dark)
    before = power_of_halves(paint_picture(half_dark(), night_sky()))
    assert result[0] < 0.1 * before[0]
    assert result[1] > before[1]  # the dots move to the lighter half


def test_darkness_fades_from_one_near_black_to_zero_at_dark_grey() -> None:
    levels = torch.tensor([0.0, 0.02, 0.1, 0.18, 1.0])
    for level, expected in zip(levels.tolist(), [1.0, 1.0, 0.5, 0.0, 0.0], strict=True):
        result = darkness(torch.full((1, 3, 9, 9), level))
        assert result.shape == (1, 1, 9, 9)
        torch.testing.assert_close(result, torch.full((1, 1, 9, 9), expected), rtol=0, atol=1e-5)


def test_grain_term_weighs_more_in_large_pictures() -> None:
    encoder, recipe, photograph = LiteEncoder(), load_recipe("atelier"), soft_photograph()
    plan = make_plan(PaintOptions(), recipe, encoder, photograph.size)
    inputs = check_inputs(photograph, [Style(sharpened_scan())], PaintOptions(), None, None)
    result = [
        GrainTerm.made(Measuring(encoder, plan), inputs, torch.zeros(1, 3, 8, side)).weight * side
        for side in (256, 512, 1024, 2048)
    ]
    assert result == pytest.approx([result[0], result[0], 4 * result[0], 16 * result[0]])
