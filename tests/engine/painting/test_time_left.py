"""The estimate of the remaining time, on idle, busy and cold machines."""

import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from engine.painting.iteration_costs import SETTING_UP, ConstantCost
from engine.painting.plan import Scale
from engine.painting.time_left import TimeLeft, slowness_before
from engine.threads import Threads

SCALES = tuple(
    Scale((side * 3 // 4, side), count)
    for side, count in ((128, 60), (181, 20), (256, 20), (362, 20), (512, 20))
)

ONE_THREAD = [Threads(1)] * len(SCALES)
EXPECTED = ConstantCost(10_000.0, 0.5)


def work(scale: Scale) -> float:
    """Cost of an iteration at a scale, if it is as expected."""
    return scale.pixels + EXPECTED.pixels


def time_left_of(
    threads: Sequence[Threads] = ONE_THREAD, slowness: float | None = None
) -> TimeLeft:
    return TimeLeft(SCALES, threads, EXPECTED, slowness)


def alone() -> float:
    """The load factor without other programs."""
    return 1.0


def shared() -> float:
    """The load factor if another program uses half of the processor."""
    return 2.0


def worst_factors(
    seconds_per_iteration: float,
    seconds_per_pixel: float,
    *,
    noise: float,
    load: Callable[[], float],
) -> list[float]:
    """The worst factors between shown and actual time, in the first 10 % and later."""
    generator = random.Random(5)
    time_left, found, elapsed = time_left_of(), [], 0.0
    for number, scale in enumerate(SCALES):
        for done in range(scale.iterations):
            worked = (seconds_per_iteration + seconds_per_pixel * scale.pixels) * (
                1 + noise * generator.uniform(-1, 1)
            )
            worked *= 5 if number == done == 0 else 1  # a cold start
            setting_up = SETTING_UP * worked if done == 0 and number else 0.0
            seconds = worked * load()
            elapsed += seconds + setting_up * load()
            time_left.add(number, seconds, worked)
            found.append((elapsed, time_left.seconds(number, done + 1)))
    worst = [1.0, 1.0]
    for then, left in found:
        if left is None or then > 0.98 * elapsed:  # no estimate yet, or nearly at the end
            continue
        factor = left / (elapsed - then)
        index = int(then >= 0.1 * elapsed)
        worst[index] = max(worst[index], factor, 1 / factor)
    return worst


# Seconds that an iteration costs by itself and for each pixel, of one thread: medians of
# `python -m bench.time_left_replay --record`.
@pytest.mark.parametrize("load", [alone, shared])
@pytest.mark.parametrize(
    ("seconds_per_iteration", "seconds_per_pixel"),
    [(0.0081, 1.03e-6), (0.0196, 1.52e-6), (0.105, 9.2e-6)],
    ids=["lite-avx512", "lite-avx2", "vgg19-avx2"],
)
def test_time_left_is_off_by_at_most_half_early_and_a_quarter_later(
    seconds_per_iteration: float, seconds_per_pixel: float, load: Callable[[], float]
) -> None:
    early, later = worst_factors(seconds_per_iteration, seconds_per_pixel, noise=0.3, load=load)
    assert early < 1.5
    assert later < 1.25


def test_a_machine_that_becomes_busy_is_noticed_within_a_minute() -> None:
    time_left = time_left_of()
    for _ in range(60):
        time_left.add(0, 1.0, 1.0)
    idle = time_left.seconds(1, 0)
    for _ in range(30):
        time_left.add(0, 2.0, 1.0)
    busy = time_left.seconds(1, 0)
    assert idle is not None
    assert busy is not None
    assert 1.7 < busy / idle <= 2.0


def test_brief_load_hardly_changes_the_time_left() -> None:
    time_left = time_left_of()
    for _ in range(30):
        time_left.add(0, 1.0, 1.0)
    before = time_left.seconds(1, 0)
    for _ in range(2):
        time_left.add(0, 2.0, 1.0)
    after = time_left.seconds(1, 0)
    assert before is not None
    assert after is not None
    assert after / before < 1.15


def test_time_left_adapts_to_an_unusually_slow_scale() -> None:
    time_left = time_left_of()
    for _ in range(10):
        time_left.add(0, 1.0, 1.0)
    first = time_left.seconds(1, 0)
    for _ in range(20):  # twice as slow as the first scale predicts
        time_left.add(1, 2 * work(SCALES[1]) / work(SCALES[0]))
    then = time_left.seconds(2, 0)
    rest = sum(work(one) * (one.iterations + SETTING_UP) for one in SCALES[2:])
    promised = rest / work(SCALES[0])
    assert first is not None
    assert first > promised
    assert then is not None
    assert then == pytest.approx(2 * promised, rel=0.1)


def test_scales_that_more_threads_paint_are_expected_to_be_sooner_until_it_is_seen() -> None:
    teams = [Threads(1), Threads(1), *[Threads(4, 0.2)] * 3]
    alone, together = time_left_of(), time_left_of(teams)
    for time_left in (alone, together):
        for _ in range(10):
            time_left.add(0, 1.0, 1.0)
    slow, fast = alone.seconds(2, 0), together.seconds(2, 0)
    assert slow is not None
    assert fast is not None
    assert slow / 4 < fast < slow / 2
    four = work(SCALES[4]) / work(SCALES[0])
    for _ in range(19):  # no sooner than one thread, while the others wait
        together.add(4, four, four)
    assert together.seconds(4, 19) == pytest.approx(four, rel=0.1)


@pytest.mark.parametrize("iterations", [0.5, 3.0])
def test_scales_to_come_are_set_up_in_about_the_time_that_the_last_ones_took(
    iterations: float,
) -> None:
    time_left = time_left_of()
    for number, scale in enumerate(SCALES[:4]):
        cost = work(scale) / work(SCALES[0])
        time_left.costs.add_set_up(number, 100.0 if number == 0 else iterations * cost)
        for _ in range(10):
            time_left.add(number, cost, cost)
    last, left = work(SCALES[4]) / work(SCALES[0]), time_left.seconds(3, SCALES[3].iterations)
    set_up = (3 * iterations + SETTING_UP) / 4  # of three scales, and the guess
    assert left == pytest.approx((SCALES[4].iterations + set_up) * last, rel=0.02)


def test_cold_first_iteration_of_a_scale_does_not_raise_the_time_left() -> None:
    steady, cold = time_left_of(), time_left_of()
    for time_left, first in ((steady, 1.0), (cold, 10.0)):
        for _ in range(10):
            time_left.add(0, 1.0, 1.0)
        for worked in (first, 1.0, 1.0):
            time_left.add(1, 1.0, worked)
    found, known = cold.seconds(2, 0), steady.seconds(2, 0)
    assert found is not None
    assert known is not None
    # A cold iteration may only lower the assumed load.
    assert known / 2 < found <= known


def test_time_left_is_unknown_at_the_start_and_zero_at_the_end() -> None:
    time_left = time_left_of()
    assert time_left.seconds(0, 0) is None
    for _ in range(3):
        time_left.add(0, 1.0)
    assert time_left.seconds(len(SCALES) - 1, SCALES[-1].iterations) == 0


def test_first_time_left_includes_the_slowness_before_the_painting() -> None:
    busy, unknown = time_left_of(slowness=8.0), time_left_of()
    for _ in range(3):  # a few iterations without interference
        busy.add(0, 0.1, 0.1)
        unknown.add(0, 0.1, 0.1)
    before, without_slowness = busy.seconds(0, 3), unknown.seconds(0, 3)
    assert before is not None
    assert without_slowness is not None
    assert 4 < before / without_slowness < 8
    for _ in range(100):
        busy.add(0, 1.0, 1.0)
        unknown.add(0, 1.0, 1.0)
    assert busy.seconds(1, 0) == pytest.approx(unknown.seconds(1, 0), rel=0.01)


def test_time_left_on_a_card_ignores_the_slowness_of_the_processor() -> None:
    busy, unknown = time_left_of(slowness=8.0), time_left_of()
    for _ in range(5):
        busy.add(0, 0.1)
        unknown.add(0, 0.1)
    assert busy.seconds(0, 5) == unknown.seconds(0, 5)


@pytest.mark.skipif(
    not Path("/proc/thread-self/schedstat").exists(), reason="needs Linux's schedstat"
)
def test_slowness_is_known_after_some_work() -> None:
    started_at = time.thread_time()
    while time.thread_time() - started_at < 0.3:
        pass
    slowness = slowness_before()
    assert slowness is not None
    assert slowness >= 1.0
