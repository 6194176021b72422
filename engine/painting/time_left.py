"""How long a painting will still take, from the iterations so far.

Two things are told apart. What an iteration costs is learnt by size, in seconds that the processor
worked for it: that is steady, whatever else runs there. An iteration costs some time by itself and
some for each pixel, so that the time of small scales, multiplied by pixels, would promise far too
much; sizes that have not been seen yet cost as much of what is usual as the nearest one that has.
How long a second of work takes is the other: it changes as other programs come and go, and is a
mean over the time that has passed, of which the last third of a minute counts most. It begins
with what this thread saw before it painted.

Chosen by replaying paintings that were recorded on a machine on which others came and went; see
docs/benchmarks.md.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.painting.plan import Scale

SETTING_UP = 1.5
"""What each scale costs before its first iteration, in iterations: its targets are measured."""
_COLD, _COLD_AT_START = 1, 2
"""First iterations that do not count: of a scale, as its memory is new, which `SETTING_UP` has; and
of a painting, in which libraries get ready."""
_BELIEVED = 3
"""What the usual cost counts for at a size that is new, in iterations."""
_FORGOTTEN_SECONDS = 20.0
"""After this long, what was seen of the other programs counts for a third."""
_BEFORE_SECONDS = 3.0
"""What was seen of them before the painting counts for so long."""
_LEAST_WORK_SECONDS = 0.2
"""With less work than this before, nothing was seen."""
_WAITS = Path("/proc/thread-self/schedstat")
"""Nanoseconds of a thread at work, and those in which it waited for a processor (Linux)."""


def slowness_before() -> float | None:
    """Seconds that passed for one of this thread's work, leaving out those in which it had none.

    None where the system does not say, or the thread is too young.
    """
    try:
        worked, waited = (int(number) for number in _WAITS.read_text().split()[:2])
    except (OSError, ValueError):
        return None
    return (worked + waited) / worked if worked >= _LEAST_WORK_SECONDS * 1e9 else None


@dataclass(eq=False)
class TimeLeft:
    """Learns what iterations cost by their size, and how quickly work is done here."""

    scales: Sequence[Scale]
    """Scales of the painting."""
    slowness: float | None = None
    """Seconds that passed for one of work before the painting; None if that is not known."""
    _seen: dict[int, int] = field(default_factory=dict)
    """By scale: the number of its iterations."""
    _work: dict[int, tuple[float, int]] = field(default_factory=dict)
    """By scale: the work of its iterations, in seconds, and their number."""
    _passed: float = 0.0
    _worked: float = 0.0

    def __post_init__(self) -> None:
        if self.slowness is not None:
            self._passed, self._worked = _BEFORE_SECONDS, _BEFORE_SECONDS / self.slowness

    def add(self, scale: int, seconds: float, worked: float | None = None) -> None:
        """An iteration of a scale took this long.

        Args:
            scale: its number.
            seconds: by the clock.
            worked: seconds that the processor worked for it; None where it is not the processor
                that paints.
        """
        work = seconds if worked is None else worked
        if worked is None:
            self._passed = self._worked = 0.0  # Other programs want the processor, not the device.
        kept = math.exp(-seconds / _FORGOTTEN_SECONDS)
        self._passed = self._passed * kept + seconds
        self._worked = self._worked * kept + work
        self._seen[scale] = self._seen.get(scale, 0) + 1
        cold = _COLD_AT_START if len(self._seen) == 1 else _COLD
        if self._seen[scale] > cold:
            total, count = self._work.get(scale, (0.0, 0))
            self._work[scale] = total + work, count + 1

    def seconds(self, scale: int, iteration: int) -> float | None:
        """From this iteration of a scale to the end; None while it cannot be told."""
        if not self._work or not self._worked:
            return None
        left, rate = 0.0, self._rate_at(min(self._work))
        for number, one in enumerate(self.scales):
            if number in self._work:
                rate = self._rate_at(number, before=rate)
            if number >= scale:
                count: float = one.iterations - (iteration if number == scale else 0)
                count += SETTING_UP if number > scale else 0
                left += count * rate * one.work
        return left * self._passed / self._worked

    def _rate_at(self, scale: int, before: float | None = None) -> float:
        """Work of an iteration in parts of the usual; that of the scale before counts a little."""
        total, count = self._work[scale]
        found = total / self.scales[scale].work
        if before is None:
            return found / count
        return (found + _BELIEVED * before) / (count + _BELIEVED)
