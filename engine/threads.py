"""How many of OpenMP's threads paint a scale, and how they wait for each other.

torch splits each small operation among its threads. By default GNU OpenMP lets a thread that is
ready spin for milliseconds while it waits for the others. If another program occupies one of the
cores, the thread that the others wait for needs the very core on which one of them spins.

Threads that do not spin are woken for each operation, which takes longer than to compute the small
ones. So a picture of a small scale is painted sooner by one thread than by two.
"""

import math
import os

_SPIN_COUNT = "300"
"""The library's default is 300,000. Spinning briefly is a little slower on an idle machine, and far
faster where other programs compute."""
_MULTIPLICATIONS_PER_THREAD = 3e9
"""Of one evaluation's convolutions; with fewer, threads wait for each other more than they save."""


def wait_briefly() -> None:
    """Limit the spinning; to be called before torch is imported. The environment has precedence."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPIN_COUNT)


def threads_for(multiplications: float, available: int) -> int:
    """How many of the available threads compute this many multiplications soonest, at least 1."""
    return min(available, max(1, math.ceil(multiplications / _MULTIPLICATIONS_PER_THREAD)))
