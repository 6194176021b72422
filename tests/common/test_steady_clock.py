"""The clock that nobody can set."""

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
    shown = {getattr(time, clock): 100.0}
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", system)
        patch.setattr(time, "clock_gettime", shown.__getitem__)
        now = steady_clock()
        began_at = now()
        shown[getattr(time, clock)] += 3600.0  # while `time.monotonic` stood still
        assert now() - began_at == pytest.approx(3600.0)
