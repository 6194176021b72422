"""What a run remembers of its losses and its time."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from engine.painting.events import Losses
from engine.painting.gradient import Evaluation
from engine.painting.plan import Plan
from jobs.sentences import Sentence

_NEWEST = 0.1


@dataclass(eq=False)
class Ledger:
    """Losses are kept on the device until they are asked for: reading them waits for it.

    Attributes:
        plan: of the painting; says how much work there is.
        losses: those that were read.
        notes: what happened, for the report.
        seconds: painted, from the first iteration, in all runs together.
        iterations: evaluated, repeated ones included.
    """

    plan: Plan
    losses: list[Losses] = field(default_factory=list)
    notes: list[Sentence] = field(default_factory=list)
    seconds: float = 0.0
    iterations: int = 0
    reference: float | None = None
    _unread: list[tuple[int, int, Tensor]] = field(default_factory=list)
    _rate: float | None = None

    def add(self, scale: int, iteration: int, found: Evaluation, seconds: float) -> None:
        """An iteration was done, in so many seconds."""
        parts = torch.stack([found.loss, found.style, found.content, found.tv])
        self._unread.append((scale, iteration, parts))
        self.seconds += seconds
        self.iterations += 1
        height, width = self.plan.scales[scale].size
        rate = seconds / (height * width)
        known = self._rate
        self._rate = rate if known is None else known + _NEWEST * (rate - known)

    def read(self) -> None:
        """Bring the losses from the device."""
        if not self._unread:
            return
        values = torch.stack([parts for _, _, parts in self._unread]).tolist()
        for (scale, iteration, _), four in zip(self._unread, values, strict=True):
            self.losses.append(Losses(scale, iteration, *four))
        self._unread.clear()

    def newest(self) -> Losses:
        """The losses of the last iteration."""
        self.read()
        return self.losses[-1]

    def finite_after(self, scale: int, iteration: int) -> bool:
        """Whether all losses are finite that came after an iteration of a scale."""
        self.read()
        for one in reversed(self.losses):
            if (one.scale, one.iteration) <= (scale, iteration):
                break
            if not math.isfinite(one.total):
                return False
        return True

    def forget_after(self, scale: int, iteration: int) -> None:
        """Drop the losses of iterations that are to be repeated."""
        self.read()
        self.losses = [
            one for one in self.losses if (one.scale, one.iteration) <= (scale, iteration)
        ]

    def stalled(self, share: float) -> bool:
        """Whether the loss sank by less than a share since this was last asked."""
        total = self.newest().total
        before, self.reference = self.reference, total
        return share > 0 and before is not None and before - total < share * abs(before)

    def seconds_left(self, scale: int, iteration: int) -> float | None:
        """Guessed from the pace of the iterations so far; None before the first."""
        if self._rate is None:
            return None
        left = 0.0
        for number, one in enumerate(self.plan.scales[scale:], start=scale):
            count = one.iterations - (iteration if number == scale else 0)
            left += count * one.size[0] * one.size[1]
        return left * self._rate
