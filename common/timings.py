"""Durations of calls by operation, as Prometheus histograms."""

import threading
import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

BOUNDS_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the buckets; one more bucket has no bound."""
OK, FAILED = "ok", "failed"


@dataclass
class Histogram:
    """The calls of one operation with one outcome."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_SECONDS) + 1))
    """Number of calls in each bucket."""
    seconds: float = 0.0
    """Sum of all durations."""

    def cumulative(self) -> list[tuple[str, int]]:
        """Cumulative counts, by bound as Prometheus writes it."""
        found, below = [], 0
        for bound, count in zip((*BOUNDS_SECONDS, float("inf")), self.counts, strict=True):
            below += count
            found.append(("+Inf" if bound == float("inf") else str(bound), below))
        return found


class Timings:
    """Histograms by operation and outcome, since the process began. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._histograms: dict[tuple[str, str], Histogram] = {}

    def observe(self, operation: str, outcome: str, seconds: float) -> None:
        """Count one call."""
        with self._lock:
            found = self._histograms.setdefault((operation, outcome), Histogram())
            found.counts[bisect_left(BOUNDS_SECONDS, seconds)] += 1
            found.seconds += seconds

    @contextmanager
    def measured(self, operation: str, *expected: type[BaseException]) -> Iterator[None]:
        """Time the block; an error that is not one of `expected` counts as a failure."""
        began, outcome = time.monotonic(), FAILED
        try:
            yield
            outcome = OK
        except expected:
            outcome = OK
            raise
        finally:
            self.observe(operation, outcome, time.monotonic() - began)

    def failures(self) -> int:
        """Number of calls that failed."""
        return sum(sum(one.counts) for (_, how), one in self.read().items() if how == FAILED)

    def read(self) -> Mapping[tuple[str, str], Histogram]:
        """A copy of the histograms."""
        with self._lock:
            return {
                key: Histogram(list(one.counts), one.seconds)
                for key, one in sorted(self._histograms.items())
            }
