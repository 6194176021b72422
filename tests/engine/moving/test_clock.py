"""What is told of the time that a clip still takes."""

import pytest

from engine.moving.clock import Clock


def test_what_an_earlier_run_painted_does_not_count_as_slow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at = 0.0
    monkeypatch.setattr("engine.moving.clock.time.monotonic", lambda: at)
    told = Clock(30)
    at = 60.0  # twenty frames were read, and the flow between them was looked for
    assert told.seconds_left(20) is None
    told.begin(5.0, alone=False)
    at = 61.0
    told.step(0.5)
    assert told.seconds_left(20) == pytest.approx(1 + 9 * 2)
