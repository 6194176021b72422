"""A limit to how long a process takes to end once it was told to."""

import logging
import os
import threading

log = logging.getLogger(__name__)


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
