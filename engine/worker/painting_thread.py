"""The one thread that paints, tests the device, and works between jobs."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from common.logs import with_log_ids

THREAD = "painter"

P = ParamSpec("P")
T = TypeVar("T")

Work = Callable[[Callable[[], bool]], None]
"""Works until done or until its argument, `should_stop`, returns true; raises nothing."""


class PaintingThread:
    """Runs one function after another, and knows whether the newest has returned."""

    def __init__(self) -> None:
        self.executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=THREAD)
        self._newest: asyncio.Future[Any] | None = None

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Run a function in the thread."""
        running = asyncio.get_running_loop().run_in_executor(
            self.executor, with_log_ids(lambda: function(*args, **kwargs))
        )
        self._newest = running
        return running

    def close(self) -> None:
        """Wait for the thread, unless the newest function hangs."""
        is_stuck = self._newest is not None and not self._newest.done()
        self.executor.shutdown(wait=not is_stuck, cancel_futures=True)


class IdleWork:
    """Background work between jobs, in the painting thread, so that it never competes with one."""

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
