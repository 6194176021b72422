"""The clock that also counts while the system sleeps."""

import sys
import time

import pytest

from common.steady_clock import steady_clock


@pytest.mark.parametrize(
    ("system", "clock"), [("linux", "CLOCK_BOOTTIME"), ("darwin", "CLOCK_MONOTONIC_RAW")]
)
def test_steady_clock_counts_time_asleep(
    system: str, clock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clocks = {getattr(time, clock): 100.0}
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", system)
        patch.setattr(time, "clock_gettime", clocks.__getitem__)
        now = steady_clock()
        started_at = now()
        clocks[getattr(time, clock)] += 3600.0  # asleep
        assert now() - started_at == pytest.approx(3600.0)
