"""Words on the console, and an orderly end for whoever is told to stop."""

import contextlib
import signal
import sys


def say(text: str) -> None:
    """Print a line at once, also into a pipe."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def end_on_sigterm() -> None:
    """Treat SIGTERM like Ctrl-C, so that the children are stopped in order either way."""
    with contextlib.suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
