"""Progress of a clip and the time left, by the cost of its frames."""

import time
from dataclasses import dataclass

from common.options import CLIP_FRAME_WORK


@dataclass(eq=False)
class ClipProgress:
    """Adds up the cost of the frames that are painted in this run, and extrapolates it."""

    count: int
    """Number of frames."""
    _done: float = 0.0
    _now: float = 0.0
    _share: float = 0.0
    _alone: float = 1.0
    _later: float | None = None
    _most: float = 0.0
    _began_at: float | None = None
    """When this run began its first frame, after checking those of an earlier run."""

    def begin(self, work: float, *, alone: bool) -> None:
        """A frame of this cost begins; `alone` if it starts from no earlier frame."""
        if self._began_at is None:
            self._began_at = time.monotonic()
        self._done, self._now, self._share = self._done + self._now, work, 0.0
        if alone:
            self._alone = work
        else:
            self._later = work

    def step(self, share: float) -> None:
        """This share of the frame is done."""
        self._share = share

    def fraction(self, frames: int) -> float:
        """Share of the cost that is done after so many finished frames; never decreases."""
        left = self._left(frames)
        later = self._later_work()
        finished = self._done + (self._now if self._share >= 1 else 0.0)
        before = max(0.0, later * frames - finished)  # by a run before this one
        spent = before + self._done + self._now * self._share
        self._most = max(self._most, min(1.0, spent / max(1e-9, spent + left)))
        return self._most

    def seconds_left(self, frames: int) -> float | None:
        """Seconds left after so many finished frames; None before anything is done."""
        spent = self._done + self._now * self._share
        if not spent or self._began_at is None:
            return None
        return (time.monotonic() - self._began_at) * self._left(frames) / spent

    def _left(self, frames: int) -> float:
        rest = self._now * (1 - self._share)
        begun = 1 if rest else 0
        return rest + self._later_work() * max(0, self.count - frames - begun)

    def _later_work(self) -> float:
        return self._alone * CLIP_FRAME_WORK if self._later is None else self._later
