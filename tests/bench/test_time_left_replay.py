"""`python -m bench.time_left_replay`: the estimate over paintings that were recorded."""

import statistics
from dataclasses import replace

import pytest

from bench.time_left import LATER_FACTOR
from bench.time_left_replay import (
    Estimate,
    Recorded,
    as_told,
    knowing_the_work,
    read_recorded,
    replayed,
    replayed_text,
)


def painting(slowdown: float) -> Recorded:
    """A hundred iterations of equal work, which others slow down so much all the time."""
    times = [(0, slowdown, 1.0, slowdown * number, float(number)) for number in range(1, 101)]
    return Recorded(384, ((288, 384, 100),), slowdown, tuple(times), 100 * slowdown, 100.0)


@pytest.mark.parametrize("estimate", [as_told, knowing_the_work])
def test_constant_load_is_predicted(estimate: Estimate) -> None:
    found = replayed(painting(3.0), estimate)
    assert max(found.later) == pytest.approx(1.0, abs=0.01)


def test_estimate_is_nearly_as_good_as_knowing_the_work() -> None:
    recorded = read_recorded()
    assert len(recorded) >= 25
    told = [replayed(one, as_told) for one in recorded]
    known = [replayed(one, knowing_the_work) for one in recorded]

    def within(factors: list[float], most: float) -> float:
        return statistics.mean(factor <= most for factor in factors)

    later = [factor for one in told for factor in one.later]
    best = [factor for one in known for factor in one.later]
    assert within(later, LATER_FACTOR) > within(best, LATER_FACTOR) - 0.06


def test_paintings_without_early_estimates_still_have_a_row() -> None:
    quick = replace(painting(1.0), iterations=painting(1.0).iterations[20:])
    text = replayed_text([quick])
    assert "| as it is told | – | – |" in text
    assert "| one who knows the work to come | – | – | 1.00 | 100% |" in text


def test_table_has_a_row_for_each_estimate() -> None:
    text = replayed_text([painting(1.0)])
    assert "| as it is told | 1.00 | 100% | 1.00 | 100% |" in text
    assert "| one who knows the work to come | 1.00 | 100% | 1.00 | 100% |" in text
