"""The schedule of the default recipe: sizes of scales and their iterations."""

from itertools import pairwise
from typing import Any

import pytest
import torch

from common.options import QUALITIES, Network, PaintOptions
from engine.networks.registry import NetworkSource
from engine.painting.memory import History
from engine.painting.optimizers import Lbfgs, Optimizer, make_optimizer
from engine.painting.passes import Evaluation
from engine.painting.picture import Size
from engine.painting.plan import Plan, even_factor, make_plan, scale_sizes
from engine.painting.studio import Studio
from engine.recipes.recipe import load_recipe
from tests.kit.thin_vgg19 import paint_and_collect, quick_options, thin_studio

RECIPE = load_recipe("atelier")


def plan_for(size: Size, network: Network = "lite", **options: object) -> Plan:
    paint_options = PaintOptions.model_validate(
        {"size_px": max(size), "network": network, **options}
    )
    encoder = Studio(source=NetworkSource()).encoder(network, RECIPE.pooling)
    return make_plan(paint_options, RECIPE, encoder, size)


def work(plan: Plan) -> int:
    return sum(scale.pixels * scale.iterations for scale in plan.scales)


@pytest.mark.parametrize(
    ("long_side", "sides"),
    [
        (96, [96]),
        (128, [128]),
        (150, [150]),
        (256, [128, 256]),
        (300, [128, 300]),
        (384, [128, 222, 384]),
        (512, [128, 256, 512]),
        (1024, [128, 256, 512, 1024]),
        (1500, [128, 237, 438, 811, 1500]),
    ],
)
def test_scales_begin_at_the_same_size_and_about_double(long_side: int, sides: list[int]) -> None:
    plan = plan_for((long_side * 3 // 4, long_side))
    assert [max(scale.size) for scale in plan.scales] == sides


def test_steps_between_scales_hardly_exceed_the_recipes_factor() -> None:
    for largest in range(129, 4097):
        factor = even_factor(largest, 128, 2.0)
        sizes = scale_sizes((largest, largest), largest, 128, factor)
        steps = [two[0] / one[0] for one, two in pairwise(sizes)]
        assert max(steps, default=1) <= 2.4, largest


def test_narrow_picture_begins_with_a_short_side_of_at_least_32_px() -> None:
    plan = plan_for((64, 512))
    assert [scale.size for scale in plan.scales] == [(32, 256), (64, 512)]


@pytest.mark.parametrize("scales", [1, 2, 3])
def test_requested_number_of_scales_is_planned(scales: int) -> None:
    assert len(plan_for((192, 256), scales=scales).scales) == scales


def test_zero_strength_plans_only_the_full_size() -> None:
    (scale,) = plan_for((384, 512), strength=0).scales
    assert scale.size == (384, 512)


@pytest.mark.parametrize("network", ["lite", "vgg19"])
def test_better_quality_takes_more_iterations_at_every_scale(network: Network) -> None:
    plans = [plan_for((384, 512), network, quality=quality) for quality in QUALITIES]
    for worse, better in pairwise(plans):
        assert 2 * work(worse) <= work(better)
        for less, more in zip(worse.scales, better.scales, strict=True):
            assert 3 <= less.iterations < more.iterations


@pytest.mark.parametrize(("network", "before"), [("lite", 500), ("vgg19", 660)])
def test_standard_quality_takes_at_most_57_percent_of_the_former_work(
    network: Network, before: int
) -> None:
    """Work is in pixels of all iterations, relative to a picture of 128 px."""
    plan = plan_for((384, 512), network)
    assert work(plan) / (96 * 128) <= 0.57 * before


def optimize_towards(optimizer: Lbfgs, target: torch.Tensor, steps: int) -> None:
    """Minimize a loss that is a mean over pixels, like the losses of the painter."""
    for _ in range(steps):
        difference = optimizer.point - target
        gradient = 2 * difference * _weights(target) / difference.numel()
        loss = (difference.square() * _weights(target)).mean()
        optimizer.update(Evaluation(loss, {}, gradient), 0.0)


def _weights(like: torch.Tensor) -> torch.Tensor:
    return torch.linspace(0.5, 2.0, like.shape[-1]).expand_as(like)


def test_step_length_carries_over_to_the_next_scale() -> None:
    small = torch.full((1, 3, 32, 32), 0.5)
    optimizer = make_optimizer(History(10), small, RECIPE.optimizer)
    assert isinstance(optimizer, Lbfgs)
    assert float(optimizer.gamma_at((64, 64))) == 0, "gamma before the first step"
    optimize_towards(optimizer, small + 0.25, 6)
    gamma = optimizer.gamma_at((64, 64))
    same = optimizer.gamma_at((32, 32))
    assert float(gamma / same) == pytest.approx(4)
    large = torch.full((1, 3, 64, 64), 0.5)
    next_optimizer = make_optimizer(History(10), large, RECIPE.optimizer, gamma)
    assert isinstance(next_optimizer, Lbfgs)
    optimize_towards(next_optimizer, large + 0.25, 1)
    share = (next_optimizer.point - large).mean() / 0.25
    assert 0.5 < float(share) < 1.5, "the first step misses the target"


def test_second_scale_starts_with_the_step_length_of_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gammas: list[torch.Tensor | None] = []

    def record_gamma(history: History, picture: torch.Tensor, recipe: Any, gamma: Any) -> Optimizer:
        gammas.append(gamma)
        return make_optimizer(history, picture, recipe, gamma)

    monkeypatch.setattr("engine.painting.scale.make_optimizer", record_gamma)
    paint_and_collect(quick_options(optimizer="lbfgs", iterations=3), thin_studio())
    first, second = gammas
    assert first is None
    assert second is not None
    assert float(second) > 0


def test_scale_ends_with_a_step_without_an_evaluation() -> None:
    picture = torch.full((1, 3, 8, 8), 0.5)
    optimizer = make_optimizer(History(10), picture, RECIPE.optimizer)
    assert isinstance(optimizer, Lbfgs)
    optimize_towards(optimizer, picture + 0.2, 5)
    last, before = optimizer.last(), optimizer.result()
    assert not torch.equal(last, before)
    assert torch.equal(last, optimizer.point)
    assert torch.equal(optimizer.last_resized((8, 8), None), last)


def test_history_holds_no_more_pairs_than_a_scale_can_make() -> None:
    plan = plan_for((384, 512), iterations=6)
    assert [scale.history for scale in plan.scales] == [History(5)] * 3
    assert plan_for((384, 512), iterations=1).scales[0].history == History(1)
    assert plan_for((384, 512), iterations=40).scales[0].history == History(10)
