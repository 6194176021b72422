"""Work for the time between jobs, which gives way as soon as a job comes."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future

from common.logs import with_log_ids

Work = Callable[[Callable[[], bool]], None]
"""Does what there is to do until its argument says to stop; raises nothing."""


class IdleWork:
    """Runs in the painting thread, so that it never competes with a painting."""

    def __init__(self, thread: Executor, work: Work) -> None:
        self._thread = thread
        self._work = work
        self._stopping = threading.Event()
        self._running: Future[None] | None = None

    def begin(self) -> None:
        """Look whether there is something to do, unless that is going on already."""
        if self._running is None or self._running.done():
            self._stopping = threading.Event()
            self._running = self._thread.submit(with_log_ids(self._work), self._stopping.is_set)

    def end(self) -> None:
        """Give way; does not wait for it."""
        self._stopping.set()
