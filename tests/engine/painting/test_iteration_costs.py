"""What iterations at scales to come are expected to cost, from those that were painted."""

import pytest
import torch

from engine.painting import Painted, Stepped, Studio, paint
from engine.painting.iteration_costs import SETTING_UP, ConstantCost, IterationCosts
from engine.painting.plan import Scale
from engine.threads import Threads, threads_for
from tests.kit.thin_vgg19 import STYLE, noise_picture, quick_options, thin_studio

CPU = torch.device("cpu")
LITE, VGG19 = 27_768.0, 361_152.0
"""Multiplications for each pixel."""
# Pixels and CPU seconds of an iteration at each scale, measured with AVX-512 and bf16 by one
# thread, and at the end by two.
MEASURED = {
    "lite": (LITE, 1, {9856: 0.0144, 39424: 0.0341, 157696: 0.121, 631808: 0.4482}),
    "lite by two threads": (LITE, 2, {9856: 0.0146, 32620: 0.0295, 107865: 0.0797, 355584: 0.3129}),
    "vgg19": (VGG19, 1, {9856: 0.0535, 32620: 0.1358, 107865: 0.4247, 355584: 1.5083}),
    "vgg19 by two threads": (
        VGG19,
        2,
        {9856: 0.0658, 32620: 0.1568, 107865: 0.4803, 355584: 1.4944},
    ),
}


def costs_of(
    multiplications_per_pixel: float, threads: int, measured: dict[int, float], seen: int
) -> IterationCosts:
    """Costs after ten iterations of each of the first scales."""
    expected = ConstantCost.guessed(CPU, torch.bfloat16, multiplications_per_pixel)
    costs = IterationCosts(
        [Scale((1, pixels), 10) for pixels in measured],
        [threads_for(multiplications_per_pixel * pixels, threads) for pixels in measured],
        expected,
    )
    for number, seconds in list(enumerate(measured.values()))[:seen]:
        for _ in range(12):
            costs.add(number, seconds)
    return costs


@pytest.mark.parametrize("seen", [1, 2, 3])
@pytest.mark.parametrize("name", MEASURED)
def test_scales_to_come_cost_about_what_was_measured(name: str, seen: int) -> None:
    multiplications_per_pixel, threads, measured = MEASURED[name]
    found = costs_of(multiplications_per_pixel, threads, measured, seen).by_scale()
    assert found == pytest.approx(list(measured.values()), rel=0.15)


@pytest.mark.parametrize("constant", [300.0, 3000.0, 1e5, 1e6])
def test_the_constant_cost_is_learned_from_scales_although_another_was_expected(
    constant: float,
) -> None:
    """As on a graphics card, where an iteration of a small picture costs as much as of a larger."""
    sizes = [9_856, 39_424, 157_696, 631_808]
    expected = ConstantCost.guessed(torch.device("cuda"), torch.float16, VGG19)
    costs = IterationCosts([Scale((1, one), 10) for one in sizes], [Threads(8)] * 4, expected)
    true = [1e-6 * (pixels + constant) for pixels in sizes]
    wrong = []
    for number in range(4):
        for _ in range(20):
            costs.add(number, true[number])
        wrong.append(abs(costs.by_scale()[3] / true[3] - 1))
    assert wrong[1] < max(0.1, wrong[0] / 2)
    assert wrong[2] < 0.15
    assert wrong[3] < 0.05
    assert 0.5 < costs.constant_pixels() / constant < 2 or constant < 1000  # hardly to be seen


def test_what_one_scale_costs_changes_nothing_about_the_constant_cost() -> None:
    costs = IterationCosts([Scale((64, 64), 10)] * 2, [Threads(1)] * 2, ConstantCost(7e3, 0.5))
    assert not costs
    for _ in range(5):
        costs.add(0, 1.0)
    assert costs
    assert not costs.has_learned
    assert costs.constant_pixels() == 7e3


def test_iterations_that_took_no_time_by_a_coarse_clock_tell_nothing_yet() -> None:
    costs = IterationCosts([Scale((64, 64), 10)] * 3, [Threads(1)] * 3, ConstantCost(1e4, 0.5))
    for number, cost in ((0, 0.0), (0, 0.0), (0, 0.0)):
        costs.add(number, cost)
    assert not costs
    for number, cost in ((0, 0.015), (1, 0.0), (1, 0.0)):
        costs.add(number, cost)
    costs.add_set_up(1, 0.0)
    assert costs.by_scale() == [0.0075] * 3
    assert costs.setting_up() == SETTING_UP
    assert costs.constant_pixels() == 1e4


def test_two_threads_take_more_cpu_time_and_less_time_the_less_so_the_less_they_compute() -> None:
    small, large = threads_for(4e9, 2), threads_for(1e12, 2)
    for threads in (small, large):
        assert 1 < threads.cpu_seconds < 1.5
        assert 0.5 < threads.seconds_per_cpu_second < 0.8
    assert small.cpu_seconds > large.cpu_seconds
    assert small.seconds_per_cpu_second > large.seconds_per_cpu_second
    assert (Threads(1).cpu_seconds, Threads(1).seconds_per_cpu_second) == (1, 1)


def test_the_next_painting_expects_the_constant_cost_that_the_last_one_showed() -> None:
    studio = thin_studio()
    guess = studio.constant_cost("vgg19", VGG19)
    paint_with(studio, scales=1)
    assert studio.constant_cost("vgg19", VGG19) == guess
    paint_with(studio, scales=2)
    learned = studio.constant_cost("vgg19", VGG19)
    assert learned.pixels != guess.pixels
    assert learned.deviation < guess.deviation
    assert studio.constant_cost("lite", LITE).deviation == guess.deviation


def paint_with(studio: Studio, scales: int) -> None:
    options = quick_options(scales=scales, iterations=4)
    events = list(paint(noise_picture(96, 96), [STYLE], options, studio=studio))
    assert {one.scale for one in events if isinstance(one, Stepped)} == set(range(scales))
    assert isinstance(events[-1], Painted)
