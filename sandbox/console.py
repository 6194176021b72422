"""Words on the console, and an orderly end for whoever is told to stop."""

import contextlib
import io
import os
import signal
import sys

UNWRITTEN = 120
"""As Python ends where what was printed could not be written."""


def say(text: str) -> None:
    """Print a line at once, also into a pipe."""
    write(text + "\n")


def write(text: str) -> None:
    """Print at once.

    Raises:
        SystemExit: it cannot be written, which is said; or nobody reads it any more.
    """
    if sys.stdout is None:  # the process has none
        return
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file or a pipe on Windows has few signs; a message has any, and comes with `?` then.
        sys.stdout.reconfigure(errors="replace")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        # Python tries again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            with contextlib.suppress(OSError):
                sys.stderr.write(f"The output cannot be written: {error.strerror}.\n")
        raise SystemExit(UNWRITTEN) from None


def end_on_sigterm() -> None:
    """Treat SIGTERM like Ctrl-C, so that the children are stopped in order either way.

    A shell that starts us in the background has SIGINT ignored; asyncio minds only the default.
    """
    with contextlib.suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
