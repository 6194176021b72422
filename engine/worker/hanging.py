"""Noticing that the painting thread hangs: a kernel that never returns, a driver that waits."""

import sys
import threading
import time
import traceback
from dataclasses import dataclass, field

MOST_A_LOOK_SECONDS = 5.0
"""At most this much of the time between two looks counts: a machine that slept has not hung."""
FRAMES_SHOWN = 6


class HangingError(Exception):
    """The painting thread has given no sign of life for too long; the text says where it is."""

    def __init__(self, words: str, *, over_job: bool = False) -> None:
        super().__init__(words)
        self.over_job = over_job
        """Whether a job was being painted, so that it may be what hangs the device."""


@dataclass
class HangWatch:
    """Counts for how long a thread gave no sign, as far as this process was awake itself."""

    limit_seconds: float
    thread_prefix: str
    """How the name of the thread begins; for the message."""
    _signs: int = field(default=-1, init=False)
    _silent_seconds: float = field(default=0.0, init=False)
    _looked_at: float = field(default_factory=time.monotonic, init=False)

    def look(self, signs: int) -> None:
        """Compare the number of signs so far with that of the last look.

        Raises:
            HangingError: it has been the same for too long.
        """
        now = time.monotonic()
        passed, self._looked_at = now - self._looked_at, now
        if signs != self._signs:
            self._signs, self._silent_seconds = signs, 0.0
            return
        self._silent_seconds += min(passed, MOST_A_LOOK_SECONDS)
        if self._silent_seconds > self.limit_seconds:
            words = hanging_words(self.limit_seconds, self.thread_prefix)
            raise HangingError(words, over_job=signs > 0)


def hanging_words(seconds: float, thread_prefix: str) -> str:
    """In English, for log and owner."""
    return (
        f"The device has hung: nothing came of it for {seconds:.0f} s (in {_where(thread_prefix)})."
    )


def _where(thread_prefix: str) -> str:
    """The innermost calls of the thread, the last one first."""
    frames = sys._current_frames()  # noqa: SLF001 - how Python names it
    for thread in threading.enumerate():
        frame = frames.get(thread.ident or 0)
        if thread.name.startswith(thread_prefix) and frame is not None:
            calls = traceback.extract_stack(frame)[-FRAMES_SHOWN:]
            return " < ".join(f"{call.name}:{call.lineno}" for call in reversed(calls))
    return "no thread"
