"""Orderly shutdown on signals and with the parent process, within a time limit."""

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
    """Call `stop` at SIGINT and SIGTERM, even where the loop has no signal handlers (Windows)."""
    loop = asyncio.get_running_loop()

    def stop_in_loop(*_: object) -> None:
        with contextlib.suppress(RuntimeError):  # it is closed: this is the second Ctrl-C
            loop.call_soon_threadsafe(stop)

    numbers = [signal.SIGINT, signal.SIGTERM]
    if sys.platform == "win32":
        numbers.append(signal.SIGBREAK)
    for number in numbers:
        try:
            loop.add_signal_handler(number, stop)
        except NotImplementedError:  # on Windows
            with contextlib.suppress(ValueError):  # not in the main thread
                signal.signal(number, stop_in_loop)


def on_stdin_end(stop: Callable[[], None]) -> None:
    """Call `stop` when whoever started this process closes its standard input, or is gone."""
    loop = asyncio.get_running_loop()

    def watch() -> None:
        with contextlib.suppress(OSError, ValueError):
            # Not by `sys.stdin`, whose lock would abort a Python that ends while this waits.
            while os.read(sys.stdin.fileno(), 4096):
                pass
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself
            loop.call_soon_threadsafe(stop)

    threading.Thread(target=watch, name="stdin", daemon=True).start()


def exit_within(seconds: float, status: int) -> None:
    """Exit after that time unless the process has ended before.

    At exit Python waits for its threads. One that computes, or waits for a store that does not
    answer, would keep the process alive until it is killed.

    Args:
        seconds: from now.
        status: exit status.
    """

    def leave() -> None:
        names = ", ".join(sorted(thread.name for thread in threading.enumerate()))
        log.warning("this process did not end within %.0f s and is ended (%s)", seconds, names)
        logging.shutdown()
        os._exit(status)

    timer = threading.Timer(seconds, leave)
    timer.name, timer.daemon = "leaving", True
    timer.start()
