"""Words on the console, and an orderly end for whoever is told to stop."""

import contextlib
import signal
import sys


def say(text: str) -> None:
    """Print a line at once, also into a pipe."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def end_on_sigterm() -> None:
    """Treat SIGTERM like Ctrl-C, so that the children are stopped in order either way.

    A shell that starts us in the background has SIGINT ignored; asyncio minds only the default.
    """
    with contextlib.suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
