"""A clock for the time of day that is not affected when the system clock is set."""

import sys
import time
from collections.abc import Callable


def steady_clock() -> Callable[[], float]:
    """A clock of seconds since 1970 that reads the system time only once.

    It judges intervals within one run, such as the 15 minutes for which an interaction's token is
    valid. Machines often correct their time by hours once they have a network, which must not end
    any. Time during suspend is included where the system can tell.
    """
    began_at = time.time() - _passed()
    return lambda: began_at + _passed()


def _passed() -> float:
    if sys.platform == "linux":
        passed = time.clock_gettime(time.CLOCK_BOOTTIME)
    elif sys.platform == "darwin":  # its `monotonic` stops during suspend, too
        passed = time.clock_gettime(time.CLOCK_MONOTONIC_RAW)
    else:
        passed = time.monotonic()
    return passed
