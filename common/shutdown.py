"""Ending in order when the system asks for it, and within a time."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


def on_signal(stop: Callable[[], None]) -> None:
    """Call `stop` at SIGINT and SIGTERM, also where the loop cannot handle signals (Windows).

    There a program is asked to end by SIGBREAK: SIGTERM ends it at once.
    """
    loop = asyncio.get_running_loop()
    numbers = [signal.SIGINT, signal.SIGTERM]
    if sys.platform == "win32":
        numbers.append(signal.SIGBREAK)
    for number in numbers:
        try:
            loop.add_signal_handler(number, stop)
        except NotImplementedError:  # of Windows' loop
            with contextlib.suppress(ValueError):  # not in the main thread
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))


def leave_within(seconds: float, status: int) -> None:
    """End this process after that time, if it has not ended by itself until then.

    Python waits for its threads at the end. One that computes, or asks a store that does not
    answer, would keep a process that was told to stop until somebody kills it.

    Args:
        seconds: from now on.
        status: to end with.
    """

    def leave() -> None:
        names = ", ".join(sorted(thread.name for thread in threading.enumerate()))
        log.warning("this process did not end within %.0f s and is ended (%s)", seconds, names)
        logging.shutdown()
        os._exit(status)

    timer = threading.Timer(seconds, leave)
    timer.name, timer.daemon = "leaving", True
    timer.start()
