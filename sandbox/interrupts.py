"""Ctrl-C prints one line, even while modules are still being imported."""

import sys
from types import TracebackType


def stop_quietly() -> None:
    """Print `Stopped.` instead of Python's traceback from now on."""
    before = sys.excepthook

    def tell(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            print("Stopped.", file=sys.stderr)  # noqa: T201 - for a shell
        else:
            before(kind, error, where)

    sys.excepthook = tell
