"""How much content and styles weigh, as the recipes say."""

import pytest
import torch

from common.options import PaintOptions
from engine.networks.encoder import features_of
from engine.painting import Picture, Style
from engine.painting.gradient import evaluate
from engine.painting.inputs import check_inputs
from engine.painting.measuring import Measuring
from engine.painting.objective import make_objective
from engine.painting.passes import Evaluation
from engine.painting.plan import Plan, make_plan
from engine.recipes.recipe import load_recipe
from tests.kit.thin_vgg19 import noise_picture, thin_vgg19

SIZE = (64, 96)
CONTENT = noise_picture(*SIZE, seed=1)
STYLE = noise_picture(56, 40, seed=2)


def evaluated(
    picture: Picture, styles: list[Style], options: PaintOptions
) -> tuple[Evaluation, Plan]:
    encoder, inputs = thin_vgg19(), check_inputs(CONTENT, styles, options, None, None)
    plan = make_plan(options, load_recipe(options.recipe), encoder, SIZE)
    made = make_objective(Measuring(encoder, plan), inputs, CONTENT.pixels[None].double())
    return evaluate(made, picture.pixels[None].double(), None), plan


def test_content_loss_of_gatys_is_half_the_squared_distance_of_the_features() -> None:
    picture = noise_picture(*SIZE, seed=3)
    found, plan = evaluated(picture, [Style(STYLE)], PaintOptions(recipe="gatys"))
    encoder = thin_vgg19()
    layers = tuple(plan.content_layers)
    here, there = (
        features_of(encoder, one.pixels[None].double(), layers) for one in (picture, CONTENT)
    )
    expected = sum(
        0.5 * weight * float((encoder.unit * (here[name] - there[name])).square().sum())
        for name, weight in plan.content_layers.items()
    )
    assert float(found.terms["content"]) == pytest.approx(plan.weights["content"] * expected)


def test_styles_with_disjoint_masks_weigh_as_much_as_one_without_a_mask() -> None:
    half = noise_picture(SIZE[0], SIZE[1] // 2, seed=3).pixels
    picture = Picture(torch.cat([half, half], 2))
    left = torch.zeros(SIZE)
    left[:, : SIZE[1] // 2] = 1
    options = PaintOptions(strength=1.0)
    alone, _ = evaluated(picture, [Style(STYLE)], options)
    masked, _ = evaluated(picture, [Style(STYLE, mask=one) for one in (left, 1 - left)], options)
    assert float(masked.terms["style"]) == pytest.approx(float(alone.terms["style"]), rel=0.2)
