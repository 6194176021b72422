"""Console output, and a clean exit on signals."""

import contextlib
import io
import os
import signal
import sys

UNWRITTEN = 120
"""Python's own exit status if output could not be written."""


def say(text: str) -> None:
    """Print a line unbuffered, also into a pipe."""
    write(text + "\n")


def write(text: str) -> None:
    """Print unbuffered.

    Raises:
        SystemExit: It cannot be written, which is reported; or nobody reads it any more.
    """
    if sys.stdout is None:  # without a console
        return
    if isinstance(sys.stdout, io.TextIOWrapper):
        # On Windows, a file or a pipe has a legacy encoding: what that lacks comes as `?`.
        sys.stdout.reconfigure(errors="replace")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        # Else Python flushes again at exit, and fails.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            with contextlib.suppress(OSError):
                sys.stderr.write(f"The output cannot be written: {error.strerror}.\n")
        raise SystemExit(UNWRITTEN) from None


def end_on_sigterm() -> None:
    """Treat SIGTERM like Ctrl-C, so that child processes are stopped cleanly either way.

    A shell that starts us in the background ignores SIGINT; asyncio replaces only the default
    handler.
    """
    with contextlib.suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
