"""Clean handling of Ctrl-C and signals, even during imports. Imports nothing slow itself."""

import os
import signal
import sys
from types import FrameType, TracebackType

_OF_A_SIGNAL = 128
"""A shell's exit status for a signal is this plus the signal's number."""
_ENDING = tuple(
    signal.Signals[name] for name in ("SIGTERM", "SIGHUP") if name in signal.Signals.__members__
)
"""Signals that end a program from outside: from `kill`, `timeout` or a supervisor; SIGHUP when a
terminal is closed."""


class EndedError(KeyboardInterrupt):
    """Like KeyboardInterrupt, for another signal."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        """The signal's number."""


def stop_quietly() -> None:
    """From now on print `Stopped.` instead of a traceback at Ctrl-C."""
    before = sys.excepthook

    def tell(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            print("Stopped.", file=sys.stderr)  # noqa: T201 - there may be no log
        else:
            before(kind, error, where)

    sys.excepthook = tell


def interrupt_on_signals() -> None:
    """From now on SIGTERM and SIGHUP interrupt like Ctrl-C, so that cleanup code runs.

    Signals that the parent ignored, as `nohup` does, stay ignored.
    """
    for number in _ENDING:
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _end)


def _end(number: int, _: FrameType | None) -> None:
    for each in _ENDING:  # a terminal may send it twice; cleanup is in progress
        signal.signal(each, signal.SIG_IGN)
    raise EndedError(number)


def status_of(interrupt: KeyboardInterrupt) -> int:
    """The exit status of an interrupted program, by the shells' convention."""
    number = interrupt.number if isinstance(interrupt, EndedError) else signal.SIGINT
    return _OF_A_SIGNAL + number


def end_by_signal(status: int) -> None:
    """End the process by the signal that an exit status stands for; return if there is none.

    A shell ends a loop of commands at Ctrl-C only if the command died of the signal.
    """
    number = status - _OF_A_SIGNAL
    if os.name == "posix" and number in {signal.SIGINT, *_ENDING}:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
