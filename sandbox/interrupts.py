"""Ctrl-C is one line, also while modules are still loaded."""

import sys
from types import TracebackType


def stop_quietly() -> None:
    """From now on say `Stopped.` where Python would tell where it was interrupted."""
    before = sys.excepthook

    def tell(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            print("Stopped.", file=sys.stderr)  # noqa: T201 - for a shell
        else:
            before(kind, error, where)

    sys.excepthook = tell
