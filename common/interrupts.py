"""Ctrl-C is one line, also while modules are still loaded. Imports nothing that takes time."""

import os
import signal
import sys
from types import FrameType, TracebackType

_OF_A_SIGNAL = 128
"""A shell's status of what a signal ended is this and the signal's number."""
_ENDING = tuple(
    signal.Signals[name] for name in ("SIGTERM", "SIGHUP") if name in signal.Signals.__members__
)
"""What ends a program from outside: `kill`, `timeout`, a supervisor; a terminal that is closed."""


class EndedError(KeyboardInterrupt):
    """As by Ctrl-C, but by another signal."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        """Of the signal."""


def stop_quietly() -> None:
    """From now on say `Stopped.` where Python would tell where it was interrupted."""
    before = sys.excepthook

    def tell(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            print("Stopped.", file=sys.stderr)  # noqa: T201 - there may be no log
        else:
            before(kind, error, where)

    sys.excepthook = tell


def end_as_by_ctrl_c() -> None:
    """From now on SIGTERM and SIGHUP end as Ctrl-C does, so that files are cleared away.

    Whoever started us may have a signal ignored, as `nohup` does; that stays.
    """
    for number in _ENDING:
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _end)


def _end(number: int, _: FrameType | None) -> None:
    for each in _ENDING:  # a terminal may send it twice, and the end is under way
        signal.signal(each, signal.SIG_IGN)
    raise EndedError(number)


def status_of(interrupt: KeyboardInterrupt) -> int:
    """The exit status of a program that was ended so, as shells tell it."""
    number = interrupt.number if isinstance(interrupt, EndedError) else signal.SIGINT
    return _OF_A_SIGNAL + number


def end_by_signal(status: int) -> None:
    """End by the signal that an exit status stands for; return if it is of none of these.

    A shell that repeats a command ends its loop at Ctrl-C only if the command ended by the signal.
    """
    number = status - _OF_A_SIGNAL
    if os.name == "posix" and number in {signal.SIGINT, *_ENDING}:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
