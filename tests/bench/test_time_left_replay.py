"""`python -m bench.time_left_replay`: time estimates replayed over recorded paintings."""

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


def recorded_painting(slowdown: float) -> Recorded:
    """A recording of 100 equal iterations under a constant slowdown."""
    times = [(0, slowdown, 1.0, slowdown * number, float(number)) for number in range(1, 101)]
    return Recorded(384, ((288, 384, 100),), slowdown, tuple(times), 100 * slowdown, 100.0)


@pytest.mark.parametrize("estimate", [as_told, knowing_the_work])
def test_constant_load_is_predicted(estimate: Estimate) -> None:
    found = replayed(recorded_painting(3.0), estimate)
    assert max(found.later) == pytest.approx(1.0, abs=0.01)


def test_estimate_is_nearly_as_good_as_knowing_the_work() -> None:
    recorded = read_recorded()
    assert len(recorded) >= 25
    shown = [replayed(replay, as_told) for replay in recorded]
    ideal = [replayed(replay, knowing_the_work) for replay in recorded]

    def share_within(factors: list[float], limit: float) -> float:
        return statistics.mean(factor <= limit for factor in factors)

    shown_factors = [factor for replay in shown for factor in replay.later]
    ideal_factors = [factor for replay in ideal for factor in replay.later]
    assert (
        share_within(shown_factors, LATER_FACTOR) > share_within(ideal_factors, LATER_FACTOR) - 0.06
    )


def test_paintings_without_early_estimates_still_have_a_row() -> None:
    quick = replace(recorded_painting(1.0), iterations=recorded_painting(1.0).iterations[20:])
    text = replayed_text([quick])
    assert "| as it is told | – | – |" in text
    assert "| one who knows the work to come | – | – | 1.00 | 100% |" in text


def test_table_has_a_row_for_each_estimate() -> None:
    text = replayed_text([recorded_painting(1.0)])
    assert "| as it is told | 1.00 | 100% | 1.00 | 100% |" in text
    assert "| one who knows the work to come | 1.00 | 100% | 1.00 | 100% |" in text
