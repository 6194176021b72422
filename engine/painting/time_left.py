"""How long a painting will still take, estimated from the iterations so far.

The estimate has two factors. The first is the cost of an iteration at each size, in CPU seconds of
all threads, which does not depend on other programs. An iteration has a constant cost and a cost
for each pixel, see `Scale.work`, so the time of small scales is not simply multiplied by pixels.
Sizes not reached yet are taken to cost as much, relative to `Scale.work`, as the nearest one that
was. The second is the wall time of a CPU second, compared with an idle machine. It changes as other
programs come and go: an exponentially weighted mean, which starts with what this thread observed
before it painted.

Chosen by replaying paintings that were recorded on a machine with a changing load; see
docs/benchmarks.md.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.painting.plan import Scale

SETTING_UP = 1.5
"""Cost of setting up a scale, in iterations, before any was: its targets are measured."""
_COLD, _COLD_AT_START = 1, 2
"""First iterations that are not counted: of a scale, whose memory is allocated then (`SETTING_UP`
has that), and of a painting, as libraries initialize."""
_BELIEVED = 3
"""Weight of the cost at the scale before, in iterations, in that of a new scale."""
_SPEEDUP = 0.7
"""n threads are taken to be n ** 0.7 times as fast as one, until it is seen."""
_FORGOTTEN_SECONDS = 20.0
"""Time constant of the mean: after it, an observation has 1/e of its weight."""
_BEFORE_SECONDS = 3.0
"""Weight of the observation before the painting, in seconds."""
_LEAST_WORK_SECONDS = 0.2
"""Least CPU time of the thread for that observation."""
_WAITS = Path("/proc/thread-self/schedstat")
"""Nanoseconds that a thread ran, and that it was ready and waited for a CPU (Linux)."""


def slowness_before() -> float | None:
    """Wall time of this thread for a CPU second, without the time in which it was idle.

    None if the system does not say, or the thread has run too briefly.
    """
    try:
        worked, waited = (int(number) for number in _WAITS.read_text().split()[:2])
    except (OSError, ValueError):
        return None
    return (worked + waited) / worked if worked >= _LEAST_WORK_SECONDS * 1e9 else None


@dataclass(eq=False)
class TimeLeft:
    """Learns the cost of iterations by scale, and the wall time of a CPU second."""

    scales: Sequence[Scale]
    """Scales of the painting."""
    threads: Sequence[int]
    """CPU threads that paint each of them."""
    slowness: float | None = None
    """Wall time of a CPU second before the painting; None if unknown."""
    _seen: dict[int, int] = field(default_factory=dict)
    """By scale: the number of its iterations."""
    _work: dict[int, tuple[float, int]] = field(default_factory=dict)
    """By scale: CPU seconds of its counted iterations, and their number."""
    _set_up: dict[int, float] = field(default_factory=dict)
    """By scale: CPU seconds of setting it up, and of its first iteration."""
    _passed: float = 0.0
    _worked: float = 0.0

    def __post_init__(self) -> None:
        if self.slowness is not None:
            self._passed, self._worked = _BEFORE_SECONDS, _BEFORE_SECONDS / self.slowness

    def add_set_up(self, scale: int, worked: float) -> None:
        """Setting up a scale took this long, in CPU seconds."""
        self._set_up[scale] = worked

    def add(self, scale: int, seconds: float, worked: float | None = None) -> None:
        """An iteration of a scale took this long.

        Args:
            scale: its number.
            seconds: wall time.
            worked: CPU time; None if another device paints.
        """
        work = seconds if worked is None else worked
        if worked is None:
            self._passed = self._worked = 0.0  # other programs use the CPU, not the device
        kept = math.exp(-seconds / _FORGOTTEN_SECONDS)
        self._passed = self._passed * kept + seconds
        self._worked = self._worked * kept + work * self._idle_seconds(scale)
        self._seen[scale] = self._seen.get(scale, 0) + 1
        cold = _COLD_AT_START if len(self._seen) == 1 else _COLD
        if self._seen[scale] > cold:
            total, count = self._work.get(scale, (0.0, 0))
            self._work[scale] = total + work, count + 1
        elif self._seen[scale] == 1 and scale in self._set_up:
            self._set_up[scale] += work

    def seconds(self, scale: int, iteration: int) -> float | None:
        """Seconds from this iteration of a scale to the end; None as long as nothing is known."""
        if not self._work or not self._worked:
            return None
        left, rate, setting_up = 0.0, self._rate_at(min(self._work)), self._setting_up()
        for number, one in enumerate(self.scales):
            if number in self._work:
                rate = self._rate_at(number, before=rate)
            if number >= scale:
                count: float = one.iterations - (iteration if number == scale else 0)
                count += setting_up if number > scale else 0
                left += count * rate * one.work * self._idle_seconds(number)
        return left * self._passed / self._worked

    def _rate_at(self, scale: int, before: float | None = None) -> float:
        """CPU seconds of an iteration by `Scale.work`, averaged with the scale before."""
        total, count = self._work[scale]
        found = total / self.scales[scale].work
        if before is None:
            return found / count
        return (found + _BELIEVED * before) / (count + _BELIEVED)

    def _idle_seconds(self, scale: int) -> float:
        """Wall time of a CPU second at a scale on an idle machine."""
        return float(self.threads[scale] ** -_SPEEDUP)

    def _setting_up(self) -> float:
        """Cost of setting up a scale, in iterations: the mean of a guess and of the scales so far.

        The first one does not count, as its iterations begin slowly.
        """
        costs = [SETTING_UP]
        for scale, (total, count) in self._work.items():
            if scale > min(self._seen) and scale in self._set_up:
                costs.append(max(0.0, self._set_up[scale] * count / total - 1))
        return statistics.mean(costs)
