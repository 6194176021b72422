"""Histograms as Prometheus counts them."""

import pytest

from common.timings import BOUNDS_SECONDS, FAILED, OK, Timings


def test_calls_are_counted_in_cumulative_buckets() -> None:
    times = Timings()
    for seconds in (0.0005, 0.001, 0.002, 99.0):
        times.observe("get", OK, seconds)
    (histogram,) = times.read().values()
    below = dict(histogram.cumulative())
    assert below["0.001"] == 2
    assert below["0.005"] == 3
    assert below[str(BOUNDS_SECONDS[-1])] == 3
    assert below["+Inf"] == 4
    assert histogram.seconds == pytest.approx(99.0035)


def test_error_counts_as_failure_unless_expected() -> None:
    times = Timings()
    for error in (KeyError(), OSError()):
        with pytest.raises(type(error)), times.measured("get", KeyError):
            raise error
    assert set(times.read()) == {("get", OK), ("get", FAILED)}
