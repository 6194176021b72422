"""What is light in the photograph stays light; strokes are free."""

import pytest
import torch
from torch import Tensor

from common.options import PaintOptions
from engine.painting.gradient import evaluate
from engine.painting.inputs import check_inputs
from engine.painting.measuring import Measuring
from engine.painting.objective import Objective
from engine.painting.plan import make_plan
from engine.painting.recipe import load_recipe
from engine.painting.terms.light import LightTerm
from tests.kit.thin import STYLE, noise_picture, thin

SIZES = [(96, 128), (203, 341), (301, 530)]


def light_of(size: tuple[int, int], **chosen: float) -> Objective:
    photograph, encoder = noise_picture(*size), thin()
    options = PaintOptions.model_validate(chosen)
    inputs = check_inputs(photograph, [STYLE], options, None, None)
    plan = make_plan(options, load_recipe("atelier"), encoder, size)
    content = photograph.pixels[None].double()
    term = LightTerm.made(Measuring(encoder, plan, None), inputs, content)
    return Objective(encoder, size, [term])


def loss(objective: Objective, picture: Tensor) -> float:
    return float(evaluate(objective, picture).loss)


@pytest.mark.parametrize("size", SIZES)
def test_strokes_are_free_and_dark_patches_are_not(size: tuple[int, int]) -> None:
    objective, photograph = light_of(size), noise_picture(*size).pixels[None].double()
    striped, dark = photograph.clone(), photograph.clone()
    striped[..., ::4] += 0.2
    striped[..., 2::4] -= 0.2
    dark[..., : size[0] // 3, : size[1] // 3] -= 0.2
    assert loss(objective, photograph) == pytest.approx(0, abs=1e-12)
    assert loss(objective, dark) > 10 * loss(objective, striped)


def test_what_is_lighter_is_free_and_what_is_light_enough_too() -> None:
    objective, photograph = light_of((96, 128)), noise_picture(96, 128).pixels[None].double()
    assert loss(objective, photograph + 0.3) == 0
    assert loss(objective, torch.full_like(photograph, 0.75)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_the_slope_leads_back_to_the_photograph(size: tuple[int, int]) -> None:
    objective, photograph = light_of(size), noise_picture(*size).pixels[None].double()
    dark = photograph / 2
    slope = evaluate(objective, dark).gradient
    assert bool((slope <= 0).all())
    assert float((slope < 0).double().mean()) > 0.9
    step = 1e-4 * torch.rand(dark.shape, generator=torch.Generator().manual_seed(1)).double()
    found = loss(objective, dark + step) - loss(objective, dark - step)
    assert found == pytest.approx(2 * float((slope * step).sum()), rel=1e-6)


def test_the_stronger_the_style_the_less_light_is_held() -> None:
    dark = noise_picture(96, 128).pixels[None].double() - 0.2
    weak, usual, strong = (loss(light_of((96, 128), strength=one), dark) for one in (0.3, 0.5, 0.8))
    assert weak > usual > strong > 0


def test_a_job_without_content_holds_no_light() -> None:
    dark = noise_picture(96, 128).pixels[None].double() - 0.2
    assert loss(light_of((96, 128), content_weight=0), dark) == 0
