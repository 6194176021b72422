"""The losses of a run and the time that it takes."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from engine.painting.events import Losses
from engine.painting.plan import Scale
from engine.painting.time_left import TimeLeft, slowness_before


@dataclass(frozen=True, eq=False)
class _Unread:
    """An iteration whose figures are on the device still: their names, and they as one tensor."""

    scale: int
    iteration: int
    names: tuple[str, ...]
    figures: Tensor


@dataclass(eq=False)
class LossLog:
    """Losses are kept on the device until they are asked for: reading them waits for it."""

    scales: Sequence[Scale]
    """Scales of the painting; their sizes and iterations say how much work there is."""
    losses: list[Losses] = field(default_factory=list)
    """The losses that were read."""
    seconds: float = 0.0
    """Painted, from the first iteration, in all runs together: starting the device's work and
    waiting for it.
    """
    iterations: int = 0
    """Number of iterations that were evaluated, repeated ones included."""
    reference: float | None = None
    """The loss by which `stalled` judges; None at the beginning of a scale."""
    _unread: list[_Unread] = field(default_factory=list)
    _sick: set[tuple[int, int]] = field(default_factory=set)
    _time: TimeLeft = field(init=False)
    _unread_seconds: float = 0.0
    _unread_worked: float = 0.0

    def __post_init__(self) -> None:
        self._time = TimeLeft(self.scales, slowness_before())

    def add(
        self,
        scale: int,
        iteration: int,
        figures: Mapping[str, Tensor],
        seconds: float,
        worked: float,
    ) -> None:
        """An iteration was started that gives these figures.

        Args:
            scale: its number.
            iteration: of the scale, from 1.
            figures: see `Evaluation.figures`; on the device, which may still be at work.
            seconds: that it took to start.
            worked: seconds that the processor worked for it.
        """
        stacked = torch.stack(list(figures.values()))
        self._unread.append(_Unread(scale, iteration, tuple(figures), stacked))
        self._unread_seconds += seconds
        self._unread_worked += worked
        self.iterations += 1
        if stacked.device.type == "cpu":
            self.read()  # There is nothing to wait for.

    def read(self) -> None:
        """Bring the losses from the device."""
        if not self._unread:
            return
        begun = time.perf_counter()
        values = torch.stack([one.figures for one in self._unread]).tolist()
        seconds = self._unread_seconds + time.perf_counter() - begun
        for one, numbers in zip(self._unread, values, strict=True):
            terms = dict(zip(one.names, numbers, strict=True))
            total, steepest = terms.pop("total"), terms.pop("steepest")
            self.losses.append(Losses(one.scale, one.iteration, total, terms))
            if not (math.isfinite(total) and math.isfinite(steepest)):
                self._sick.add((one.scale, one.iteration))
        self._pace(seconds)
        self._unread.clear()
        self._unread_seconds = self._unread_worked = 0.0

    def newest(self) -> Losses:
        """The losses of the last iteration."""
        self.read()
        return self.losses[-1]

    def finite_after(self, scale: int, iteration: int) -> bool:
        """Whether all losses and gradients are finite that came after an iteration of a scale."""
        self.read()
        return all(one <= (scale, iteration) for one in self._sick)

    def forget_after(self, scale: int, iteration: int) -> None:
        """Drop the losses of iterations that are to be repeated."""
        self.read()
        self.losses = [
            one for one in self.losses if (one.scale, one.iteration) <= (scale, iteration)
        ]
        self._sick = {one for one in self._sick if one <= (scale, iteration)}

    def stalled(self, share: float) -> bool:
        """Whether the loss sank by less than a share since this was last asked."""
        total = self.newest().total
        before, self.reference = self.reference, total
        return share > 0 and before is not None and before - total < share * abs(before)

    def seconds_left(self, scale: int, iteration: int) -> float | None:
        """Guessed from the iterations so far; None before the first."""
        return self._time.seconds(scale, iteration)

    def _pace(self, seconds: float) -> None:
        """The unread iterations took this long together."""
        self.seconds += seconds
        pixels = sum(self.scales[one.scale].pixels for one in self._unread)
        on_cpu = self._unread[0].figures.device.type == "cpu"
        for one in self._unread:
            share = self.scales[one.scale].pixels / pixels
            worked = self._unread_worked * share if on_cpu else None
            self._time.add(one.scale, seconds * share, worked)
