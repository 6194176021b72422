"""Pauses between attempts."""

import pytest

from common.backoff import Backoff

BACKOFF = Backoff(first_seconds=2.0, longest_seconds=60.0)


@pytest.mark.parametrize(("failures", "longest"), [(0, 2.0), (1, 4.0), (4, 32.0), (5, 60.0)])
def test_pauses_double_up_to_the_longest(failures: int, longest: float) -> None:
    for _ in range(20):
        assert 0.75 * longest <= BACKOFF.seconds(failures) <= longest


def test_pause_stays_at_the_longest_after_many_failures() -> None:
    assert 45.0 <= BACKOFF.seconds(10_000) <= 60.0


def test_requested_pause_is_respected() -> None:
    for requested in (0.0, 0.3, 90.0):
        assert requested <= BACKOFF.seconds(0, requested) <= requested + 0.5


def test_pauses_are_randomized() -> None:
    assert len({BACKOFF.seconds(3) for _ in range(20)}) > 1
    assert len({BACKOFF.seconds(3, 5.0) for _ in range(20)}) > 1
