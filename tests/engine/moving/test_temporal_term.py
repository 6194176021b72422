"""The temporal loss of Ruder, Dosovitskiy and Brox (2016), eq. 7, also in tiles."""

from dataclasses import replace

import pytest
import torch

from common.options import PaintOptions
from engine.painting import Style
from engine.painting.gradient import evaluate
from engine.painting.inputs import Inputs, WarpedFrame, check_inputs
from engine.painting.measuring import Measuring
from engine.painting.memory import tiling_for
from engine.painting.objective import Objective, make_objective
from engine.painting.passes import Evaluation
from engine.painting.plan import make_plan
from engine.painting.terms.temporal import TemporalTerm
from engine.painting.tiles import Region
from engine.recipes.recipe import load_recipe
from tests.kit.thin_vgg19 import noise_picture, thin_vgg19

SIZE = (171, 203)
DOUBLE = torch.float64


def random(*shape: int, seed: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


def warped_inputs(*, still: bool) -> Inputs:
    options = PaintOptions(size_px=SIZE[1])
    inputs = check_inputs(
        noise_picture(*SIZE), [Style(noise_picture(90, 80, 1))], options, None, None
    )
    still_pixels = (random(*SIZE, seed=4) > 0.5).float() if still else torch.zeros(SIZE)
    warped = WarpedFrame(
        random(3, *SIZE, seed=2).float(), random(*SIZE, seed=3).float(), still_pixels
    )
    return replace(inputs, warped=warped)


def warped_objective(inputs: Inputs, core_px: int | None = None) -> Objective:
    encoder = thin_vgg19()
    options = PaintOptions(size_px=SIZE[1])
    plan = make_plan(options, load_recipe("atelier"), encoder, SIZE, warped=True)
    content = inputs.content.pixels[None].to(DOUBLE)
    return make_objective(Measuring(encoder, plan, core_px), inputs, content)


def evaluate_objective(inputs: Inputs, core_px: int | None) -> Evaluation:
    made = warped_objective(inputs, core_px)
    tiling = tiling_for(made.encoder, made.layers(), made.size, core_px)
    assert (tiling is None) == (core_px is None)
    return evaluate(made, random(1, 3, *SIZE, seed=5), tiling)


def test_temporal_loss_matches_the_paper() -> None:
    made = warped_objective(warped_inputs(still=False))
    term = next(one for one in made.terms if isinstance(one, TemporalTerm))
    picture = random(1, 3, *SIZE, seed=5)
    loss = term.at_pixels(picture, Region(0, SIZE[0], 0, SIZE[1]), torch.zeros_like(picture))
    weight = load_recipe("atelier").moving.temporal_weight
    expected = weight * (term.known * (picture - term.warped) ** 2).sum() / picture.numel()
    assert loss is not None
    assert float(loss) == pytest.approx(float(expected), rel=1e-12)


def test_temporal_gradient_matches_finite_differences() -> None:
    made = warped_objective(warped_inputs(still=False))
    term = next(one for one in made.terms if isinstance(one, TemporalTerm))
    whole, step = Region(0, SIZE[0], 0, SIZE[1]), 1e-6
    picture = random(1, 3, *SIZE, seed=5)
    gradient = torch.zeros_like(picture)
    term.at_pixels(picture, whole, gradient)
    for index in ((0, 0, 0, 0), (0, 1, 80, 100), (0, 2, SIZE[0] - 1, SIZE[1] - 1)):
        losses = []
        for side in (-step, step):
            moved = picture.clone()
            moved[index] += side
            loss = term.at_pixels(moved, whole, torch.zeros_like(picture))
            assert loss is not None
            losses.append(float(loss))
        assert (losses[1] - losses[0]) / (2 * step) == pytest.approx(
            float(gradient[index]), rel=1e-4, abs=1e-9
        )


@pytest.mark.parametrize("still", [False, True])
def test_warped_frame_evaluates_the_same_in_tiles(still: bool) -> None:
    inputs = warped_inputs(still=still)
    whole, tiled = evaluate_objective(inputs, None), evaluate_objective(inputs, 64)
    assert float(tiled.terms["temporal"]) == pytest.approx(float(whole.terms["temporal"]), rel=1e-9)
    assert float(tiled.loss) == pytest.approx(float(whole.loss), rel=1e-9)
    assert (tiled.gradient - whole.gradient).abs().max() < 1e-9 * whole.gradient.abs().max()


def test_still_pixels_have_no_gradient_and_show_the_warped_frame() -> None:
    inputs = warped_inputs(still=True)
    assert inputs.warped is not None
    still_pixels = inputs.warped.still > 0
    made = warped_objective(inputs)
    picture = random(1, 3, *SIZE, seed=5)
    assert (evaluate(made, picture).gradient[..., still_pixels] == 0).all()
    shown = made.shown(picture)[0][:, still_pixels]
    torch.testing.assert_close(shown, inputs.warped.pixels[:, still_pixels].to(DOUBLE))


def test_picture_without_a_warped_frame_has_no_temporal_term() -> None:
    inputs = replace(warped_inputs(still=False), warped=None)
    encoder = thin_vgg19()
    plan = make_plan(PaintOptions(size_px=SIZE[1]), load_recipe("atelier"), encoder, SIZE)
    made = make_objective(Measuring(encoder, plan), inputs, inputs.content.pixels[None].to(DOUBLE))
    assert "temporal" not in [term.name for term in made.terms]


def test_a_later_frame_takes_fewer_iterations_at_the_last_scales() -> None:
    encoder, recipe, options = thin_vgg19(), load_recipe("atelier"), PaintOptions(size_px=512)
    alone = make_plan(options, recipe, encoder, (384, 512))
    warped = make_plan(options, recipe, encoder, (384, 512), warped=True)
    assert [one.size for one in warped.scales] == [(272, 362), alone.scales[-1].size]
    for later in warped.scales:
        assert later.iterations <= 2 / 3 * alone.scales[-1].iterations
