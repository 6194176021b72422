"""The losses of a run, and the time that it takes."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from engine.painting.events import Losses
from engine.painting.iteration_costs import COLD_AT_START, ConstantCost
from engine.painting.plan import Scale
from engine.painting.time_left import TimeLeft, slowness_before
from engine.threads import Threads


@dataclass(frozen=True, eq=False)
class _Unread:
    """An iteration whose losses are still on the device: their names, and one tensor of values."""

    scale: int
    iteration: int
    names: tuple[str, ...]
    figures: Tensor


@dataclass(eq=False)
class LossLog:
    """The losses; they stay on the device until they are read, as reading waits for it."""

    scales: Sequence[Scale]
    """Scales of the painting, for the time left."""
    threads: Sequence[Threads]
    """CPU threads that paint each of them."""
    constant: ConstantCost
    """The constant cost of an iteration that is expected."""
    losses: list[Losses] = field(default_factory=list)
    """The losses that were read."""
    seconds: float = 0.0
    """Seconds of painting in all runs together: launching work on the device and waiting for it."""
    iterations: int = 0
    """Number of iterations, including repeated ones."""
    reference: float | None = None
    """The loss that `stalled` compares with; None at the beginning of a scale."""
    _unread: list[_Unread] = field(default_factory=list)
    _nonfinite: set[tuple[int, int]] = field(default_factory=set)
    _time: TimeLeft = field(init=False)
    _unread_seconds: float = 0.0
    _unread_worked: float = 0.0

    def __post_init__(self) -> None:
        self._time = TimeLeft(self.scales, self.threads, self.constant, slowness_before())

    def add(
        self,
        scale: int,
        iteration: int,
        figures: Mapping[str, Tensor],
        seconds: float,
        worked: float,
    ) -> None:
        """Add an iteration, which the device may still be computing.

        Args:
            scale: its number.
            iteration: of the scale, from 1.
            figures: see `Evaluation.figures`.
            seconds: wall time of launching it.
            worked: CPU time of launching it.
        """
        stacked = torch.stack(list(figures.values()))
        self._unread.append(_Unread(scale, iteration, tuple(figures), stacked))
        self._unread_seconds += seconds
        self._unread_worked += worked
        self.iterations += 1
        # On the CPU there is nothing to wait for. On a device the first ones of a scale take
        # longer, so that the others would seem to take as long if all were read at once.
        if stacked.device.type == "cpu" or iteration <= COLD_AT_START:
            self.read()

    def add_set_up(self, scale: int, worked: float) -> None:
        """Setting up a scale took this long, in CPU seconds."""
        self._time.costs.add_set_up(scale, worked)

    def read(self) -> None:
        """Read all losses from the device."""
        if not self._unread:
            return
        begun = time.perf_counter()
        values = torch.stack([one.figures for one in self._unread]).tolist()
        seconds = self._unread_seconds + time.perf_counter() - begun
        for one, numbers in zip(self._unread, values, strict=True):
            terms = dict(zip(one.names, numbers, strict=True))
            total, max_abs_grad = terms.pop("total"), terms.pop("max_abs_grad")
            self.losses.append(Losses(one.scale, one.iteration, total, terms))
            if not (math.isfinite(total) and math.isfinite(max_abs_grad)):
                self._nonfinite.add((one.scale, one.iteration))
        self._pace(seconds)
        self._unread.clear()
        self._unread_seconds = self._unread_worked = 0.0

    def newest(self) -> Losses:
        """The losses of the last iteration."""
        self.read()
        return self.losses[-1]

    def finite_after(self, scale: int, iteration: int) -> bool:
        """Whether all losses and gradients after an iteration of a scale are finite."""
        self.read()
        return all(one <= (scale, iteration) for one in self._nonfinite)

    def forget_after(self, scale: int, iteration: int) -> None:
        """Drop the losses after an iteration of a scale, from which painting is repeated."""
        self.read()
        self.losses = [
            one for one in self.losses if (one.scale, one.iteration) <= (scale, iteration)
        ]
        self._nonfinite = {one for one in self._nonfinite if one <= (scale, iteration)}

    def stalled(self, share: float) -> bool:
        """Whether the loss fell by less than this share since the last call."""
        total = self.newest().total
        before, self.reference = self.reference, total
        return share > 0 and before is not None and before - total < share * abs(before)

    def seconds_left(self, scale: int, iteration: int) -> float | None:
        """See `TimeLeft.seconds`."""
        return self._time.seconds(scale, iteration)

    def constant_pixels(self) -> float | None:
        """The constant cost of an iteration that this painting showed, in pixels; None if none."""
        return self._time.costs.constant_pixels() if self._time.costs.has_learned else None

    def _pace(self, seconds: float) -> None:
        """Divide the wall time of the unread iterations among them, by pixels."""
        self.seconds += seconds
        pixels = sum(self.scales[one.scale].pixels for one in self._unread)
        on_cpu = self._unread[0].figures.device.type == "cpu"
        for one in self._unread:
            share = self.scales[one.scale].pixels / pixels
            worked = self._unread_worked * share if on_cpu else None
            self._time.add(one.scale, seconds * share, worked)
