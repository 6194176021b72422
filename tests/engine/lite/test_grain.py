"""The lite network's pictures have no weave of their own over soft photographs, and stay sharp."""

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
MOST_EXCESS = 4.0
"""Power at periods of two pixels, in parts of the photograph's."""


def sharpened_scan() -> Picture:
    """Strokes of a few pixels whose edges are sharp to the pixel, as those of scans are."""
    generator = torch.Generator().manual_seed(2)
    drawn = torch.rand(1, 3, HEIGHT // 4, WIDTH // 2, generator=generator)
    strokes = torch.nn.functional.interpolate(drawn, (HEIGHT, WIDTH), mode="nearest")[0]
    return Picture(strokes.contiguous())


def soft_photograph() -> Picture:
    """One that was enlarged, with no detail at two pixels but a little noise."""
    noise = torch.randn(3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(3))
    return Picture((noise_picture(HEIGHT, WIDTH).pixels + 0.006 * noise).clamp(0, 1))


def striped(picture: Picture) -> Picture:
    """With a fence, a pixel a pale, in its middle."""
    pixels = picture.pixels.clone()
    pixels[:, HEIGHT // 3 : 2 * HEIGHT // 3, ::2] *= 0.5
    return Picture(pixels)


def painted(photograph: Picture, style: Picture | None = None) -> Picture:
    def opener(*_: object, **settings: object) -> Encoder:
        return LiteEncoder(device=torch.device("cpu"), dtype=settings["dtype"])  # type: ignore[arg-type]

    options = PaintOptions(size_px=WIDTH, network="lite", scales=2, iterations=12)
    found, _ = paint_and_collect(
        options,
        Studio(opener=opener, precision="fp32"),
        content=photograph,
        styles=[Style(style or sharpened_scan())],
    )
    return found.picture


def power(picture: Picture) -> float:
    pixels: Tensor = picture.pixels[None]
    return two_pixel_power(pixels)


@pytest.fixture
def _without_the_term(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = load_recipe("atelier")
    choices = tuple(choice.model_copy(update={"terms": {}}) for choice in recipe.choices)
    without: Recipe = recipe.model_copy(update={"choices": choices})
    monkeypatch.setattr("engine.painting.painter.load_recipe", lambda _: without)


def test_sharpened_scan_adds_no_grain_to_a_soft_photograph() -> None:
    soft = soft_photograph()
    assert power(painted(soft)) <= MOST_EXCESS * power(soft)


@pytest.mark.usefixtures("_without_the_term")
def test_sharpened_scan_adds_grain_without_the_grain_term() -> None:
    soft = soft_photograph()
    assert power(painted(soft)) > 2 * MOST_EXCESS * power(soft)


def test_finest_detail_of_the_photograph_is_kept() -> None:
    fence = striped(soft_photograph())
    assert 0.5 * power(fence) < power(painted(fence)) < 2 * power(fence)


def half_dark() -> Picture:
    """A picture whose left half is nearly black, and whose right half is grey."""
    pixels = noise_picture(HEIGHT, WIDTH).pixels.clone()
    pixels[:, :, : WIDTH // 2] = 0.03 + 0.03 * pixels[:, :, : WIDTH // 2]
    pixels[:, :, WIDTH // 2 :] = 0.35 + 0.3 * pixels[:, :, WIDTH // 2 :]
    return Picture(pixels)


def night_sky() -> Picture:
    """Dark, with light dots of two pixels."""
    generator = torch.Generator().manual_seed(2)
    drawn = torch.rand(1, 1, HEIGHT // 2, WIDTH // 2, generator=generator) < 0.06
    dots = torch.nn.functional.interpolate(drawn.float(), (HEIGHT, WIDTH), mode="nearest")[0]
    return Picture((0.08 + 0.85 * dots).expand(3, -1, -1).contiguous())


def halves(picture: Picture) -> tuple[float, float]:
    """Power at periods of two pixels, of both halves."""
    middle = WIDTH // 2
    left, right = picture.pixels[None, :, :, :middle], picture.pixels[None, :, :, middle:]
    return two_pixel_power(left), two_pixel_power(right)


def test_nearly_black_parts_get_few_specks(monkeypatch: pytest.MonkeyPatch) -> None:
    found = halves(painted(half_dark(), night_sky()))
    recipe = load_recipe("atelier")
    choices = tuple(choice.model_copy(update={"dark": 0.0}) for choice in recipe.choices)
    plain: Recipe = recipe.model_copy(update={"choices": choices})
    monkeypatch.setattr("engine.painting.painter.load_recipe", lambda _: plain)
    before = halves(painted(half_dark(), night_sky()))
    assert found[0] < 0.1 * before[0]
    assert found[1] > before[1]  # The dots are where it is light.


def test_darkness_fades_from_one_near_black_to_zero_at_dark_grey() -> None:
    levels = torch.tensor([0.0, 0.02, 0.1, 0.18, 1.0])
    for level, wanted in zip(levels.tolist(), [1.0, 1.0, 0.5, 0.0, 0.0], strict=True):
        found = darkness(torch.full((1, 3, 9, 9), level))
        assert found.shape == (1, 1, 9, 9)
        torch.testing.assert_close(found, torch.full((1, 1, 9, 9), wanted), rtol=0, atol=1e-5)


def test_grain_term_weighs_more_in_large_pictures() -> None:
    encoder, recipe, photograph = LiteEncoder(), load_recipe("atelier"), soft_photograph()
    plan = make_plan(PaintOptions(), recipe, encoder, photograph.size)
    inputs = check_inputs(photograph, [Style(sharpened_scan())], PaintOptions(), None, None)
    found = [
        GrainTerm.made(Measuring(encoder, plan), inputs, torch.zeros(1, 3, 8, side)).weight * side
        for side in (256, 512, 1024, 2048)
    ]
    assert found == pytest.approx([found[0], found[0], 4 * found[0], 16 * found[0]])
