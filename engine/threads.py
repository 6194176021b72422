"""How many of OpenMP's threads paint a scale, and how they wait for each other.

torch splits each small operation among its threads. By default GNU OpenMP lets a thread that is
ready spin for milliseconds while it waits for the others. If another program occupies one of the
cores, the thread that the others wait for needs the very core on which one of them spins.

Threads that do not spin are woken for each operation, which takes longer than to compute the small
ones. So a picture of a small scale is painted sooner by one thread than by two.
"""

import math
import os
from dataclasses import dataclass

_SPIN_COUNT = "300"
"""The library's default is 300,000. Spinning briefly is a little slower on an idle machine, and far
faster where other programs compute."""
_MULTIPLICATIONS_PER_THREAD = 3e9
"""Of one evaluation's convolutions; with fewer, threads wait for each other more than they save."""

_WAITING = 0.4
"""Share of the time that two threads with this many multiplications each lose by waiting."""


def wait_briefly() -> None:
    """Limit the spinning; to be called before torch is imported. The environment has precedence."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPIN_COUNT)


@dataclass(frozen=True)
class Threads:
    """Threads that compute something together.

    Their two factors were fitted to two threads; with more they are a guess. See the timings in
    docs/benchmarks.md.
    """

    count: int
    """How many."""
    waiting: float = 0.0
    """What each doubling of their number adds to the time, as a share: they wait for each other."""

    @property
    def cpu_seconds(self) -> float:
        """CPU time of all of them for what takes one thread a second."""
        return 1 + self.waiting * (1 - 1 / self.count)

    @property
    def seconds_per_cpu_second(self) -> float:
        """Wall time, if no other program computes."""
        return (1 + self.waiting * math.log2(self.count)) / self.count


def threads_for(multiplications: float, available: int) -> Threads:
    """Those of the available threads that compute this many multiplications soonest, at least 1."""
    count = min(available, max(1, math.ceil(multiplications / _MULTIPLICATIONS_PER_THREAD)))
    if count == 1:
        return Threads(1)
    share = multiplications / count / _MULTIPLICATIONS_PER_THREAD
    return Threads(count, _WAITING * share ** (-1 / 3))
