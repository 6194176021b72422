"""Background work between jobs, which stops as soon as a job comes."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future

from common.logs import with_log_ids

Work = Callable[[Callable[[], bool]], None]
"""Works until done or until its argument, `should_stop`, returns true; raises nothing."""


class IdleWork:
    """Runs in the painting thread, so that it never competes with a painting."""

    def __init__(self, thread: Executor, work: Work) -> None:
        self._thread = thread
        self._work = work
        self._stopping = threading.Event()
        self._running: Future[None] | None = None

    def begin(self) -> None:
        """Start the work, unless it is running already."""
        if self._running is None or self._running.done():
            self._stopping = threading.Event()
            self._running = self._thread.submit(with_log_ids(self._work), self._stopping.is_set)

    def end(self) -> None:
        """Ask it to stop, without waiting."""
        self._stopping.set()
