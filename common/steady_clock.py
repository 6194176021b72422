"""The time of day, from a clock that nobody can set while the program runs."""

import sys
import time
from collections.abc import Callable


def steady_clock() -> Callable[[], float]:
    """Seconds since 1970 as they pass: this machine's time at the first, which is not asked again.

    What began and ends within one run is judged by it, such as the quarter of an hour in which
    Discord takes an answer. The time of a machine that comes up is often put right by hours once
    it has a network; that must end no answer. A sleep of the machine is time that passes, where
    the system can tell.
    """
    began_at = time.time() - _passed()
    return lambda: began_at + _passed()


def _passed() -> float:
    if sys.platform == "linux":
        passed = time.clock_gettime(time.CLOCK_BOOTTIME)
    elif sys.platform == "darwin":  # whose `monotonic` stands still while the lid is closed, too
        passed = time.clock_gettime(time.CLOCK_MONOTONIC_RAW)
    else:
        passed = time.monotonic()
    return passed
