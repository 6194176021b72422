"""How long a painting will still take, estimated from the iterations so far.

The estimate has two factors. The first is the cost of an iteration at each size, in CPU seconds of
all threads, which does not depend on other programs, see `IterationCosts`. The second is the wall
time of a CPU second, compared with an idle machine. It changes as other programs come and go: an
exponentially weighted mean, which starts with what this thread observed before it painted.

Chosen by replaying paintings that were recorded on a machine with a changing load; see
docs/benchmarks.md.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.painting.iteration_costs import ConstantCost, IterationCosts
from engine.painting.plan import Scale
from engine.threads import Threads

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
    threads: Sequence[Threads]
    """CPU threads that paint each of them."""
    constant: ConstantCost
    """The constant cost of an iteration that is expected."""
    slowness: float | None = None
    """Wall time of a CPU second before the painting; None if unknown."""
    costs: IterationCosts = field(init=False)
    """Of the iterations so far."""
    _passed: float = 0.0
    _worked: float = 0.0

    def __post_init__(self) -> None:
        self.costs = IterationCosts(self.scales, self.threads, self.constant)
        if self.slowness is not None:
            self._passed, self._worked = _BEFORE_SECONDS, _BEFORE_SECONDS / self.slowness

    def add(self, scale: int, seconds: float, worked: float | None = None) -> None:
        """An iteration of a scale took this long.

        Args:
            scale: its number.
            seconds: wall time.
            worked: CPU time; None if another device paints.
        """
        cost = seconds if worked is None else worked
        if worked is None:
            self._passed = self._worked = 0.0  # other programs use the CPU, not the device
        kept = math.exp(-seconds / _FORGOTTEN_SECONDS)
        self._passed = self._passed * kept + seconds
        self._worked = self._worked * kept + cost * self.threads[scale].seconds_per_cpu_second
        self.costs.add(scale, cost)

    def seconds(self, scale: int, iteration: int) -> float | None:
        """Seconds from this iteration of a scale to the end; None as long as nothing is known."""
        if not self.costs or not self._worked:
            return None
        left, setting_up = 0.0, self.costs.setting_up()
        for number, cost in enumerate(self.costs.by_scale()):
            if number >= scale:
                count = self.scales[number].iterations
                more = -iteration if number == scale else setting_up
                left += (count + more) * cost * self.threads[number].seconds_per_cpu_second
        return left * self._passed / self._worked
