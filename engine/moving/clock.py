"""How far a clip is, and how long it still takes, by the work of its frames."""

import time
from dataclasses import dataclass

from common.options import CLIP_FRAME_WORK


@dataclass(eq=False)
class Clock:
    """Counts the work of the frames that are painted here; what a frame takes is guessed by it."""

    count: int
    """Number of frames."""
    _done: float = 0.0
    _now: float = 0.0
    _share: float = 0.0
    _alone: float = 1.0
    _later: float | None = None
    _most: float = 0.0
    _began_at: float | None = None
    """When the first frame was begun here: what an earlier run painted is looked through before."""

    def begin(self, work: float, *, alone: bool) -> None:
        """A frame is begun that takes this much work; `alone`, if it begins from no other."""
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
        """Share of the work that is done when so many frames are; it never sinks."""
        left = self._left(frames)
        later = self._later_work()
        finished = self._done + (self._now if self._share >= 1 else 0.0)
        before = max(0.0, later * frames - finished)  # by a run before this one
        spent = before + self._done + self._now * self._share
        self._most = max(self._most, min(1.0, spent / max(1e-9, spent + left)))
        return self._most

    def seconds_left(self, frames: int) -> float | None:
        """What is left when so many frames are done; None before anything is."""
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
