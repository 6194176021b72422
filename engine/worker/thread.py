"""The one thread that paints, tests the device, and works between jobs."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from common.logs import with_log_ids

THREAD = "painter"

P = ParamSpec("P")
T = TypeVar("T")


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
