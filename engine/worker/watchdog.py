"""Watchdog for the painting thread: a kernel may never return, or a driver wait forever."""

import sys
import threading
import time
import traceback
from dataclasses import dataclass, field

from engine.worker.painting_thread import THREAD

MOST_A_LOOK_SECONDS = 5.0
"""Longest time between two checks that counts, as a machine that slept has not hung."""
FRAMES_SHOWN = 6


class HangingError(Exception):
    """The painting thread has not asked whether to stop for too long; the text says where it is."""

    def __init__(self, words: str, *, while_painting: bool = False) -> None:
        super().__init__(words)
        self.while_painting = while_painting
        """Whether a job was being painted, which may be the cause."""


@dataclass
class Watchdog:
    """Measures how long a thread has not asked whether to stop, without the machine's sleep."""

    limit_seconds: float
    _stop_checks: int = field(default=-1, init=False)
    _silent_seconds: float = field(default=0.0, init=False)
    _looked_at: float = field(default_factory=time.monotonic, init=False)

    def check(self, stop_checks: int) -> None:
        """Compare the number of `JobHandle.stop_checks` with that of the last call.

        Raises:
            HangingError: it has been the same for too long.
        """
        now = time.monotonic()
        passed, self._looked_at = now - self._looked_at, now
        if stop_checks != self._stop_checks:
            self._stop_checks, self._silent_seconds = stop_checks, 0.0
            return
        self._silent_seconds += min(passed, MOST_A_LOOK_SECONDS)
        if self._silent_seconds > self.limit_seconds:
            words = hang_message(self.limit_seconds)
            raise HangingError(words, while_painting=stop_checks > 0)


def hang_message(seconds: float) -> str:
    """The message, in English, for the log and owners."""
    return f"The device has hung: nothing came of it for {seconds:.0f} s (in {_where()})."


def _where() -> str:
    """The innermost calls of the painting thread, innermost first."""
    frames = sys._current_frames()  # noqa: SLF001 - how Python names it
    for thread in threading.enumerate():
        frame = frames.get(thread.ident or 0)
        if thread.name.startswith(THREAD) and frame is not None:
            calls = traceback.extract_stack(frame)[-FRAMES_SHOWN:]
            return " < ".join(f"{call.name}:{call.lineno}" for call in reversed(calls))
    return "no thread"
