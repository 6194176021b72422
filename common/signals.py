"""Ending in order when the system asks for it."""

import asyncio
import contextlib
import signal
from collections.abc import Callable


def on_signal(stop: Callable[[], None]) -> None:
    """Call `stop` at SIGINT and SIGTERM, also where the loop cannot handle signals (Windows)."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop)
        except NotImplementedError:
            with contextlib.suppress(ValueError):  # not in the main thread
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
