"""Ctrl-C is one line, also while modules are still loaded. Imports nothing that takes time."""

import sys
from types import TracebackType


def stop_quietly() -> None:
    """From now on say `Stopped.` where Python would tell where it was interrupted."""
    before = sys.excepthook

    def tell(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            print("Stopped.", file=sys.stderr)  # noqa: T201 - there may be no log
        else:
            before(kind, error, where)

    sys.excepthook = tell
