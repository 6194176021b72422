"""What an iteration costs at each scale, learned from those so far.

An iteration of p pixels costs r · (p + c): besides each pixel, many small operations and the
reading of the weights, which cost the same at any size and are expressed in pixels, c. Of c there
is an expectation, of this device and network or of the last painting with them; the costs of two
scales or more correct it. It matters: a picture is begun at scales where c is about as large as p.

Scales not reached yet are taken to cost as much by p + c as the nearest one that was.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from engine.painting.plan import ITERATION_PIXELS, Scale
from engine.threads import Threads

SETTING_UP = 1.5
"""Cost of setting up a scale, in iterations, before any was: its targets are measured."""
_COLD, COLD_AT_START = 1, 2
"""First iterations that are not counted: of a scale, whose memory is allocated then (`SETTING_UP`
has that), and of a painting, as libraries initialize."""
_BELIEVED = 1
"""Weight of the cost at the scale before, in iterations, in that of a new scale."""
_WIDE_BF16_PIXELS = 4_200.0
"""Constant cost on a CPU, in pixels, of VGG-19 in bf16; else it is `ITERATION_PIXELS`."""
_WIDE = 1e5
"""Multiplications for each pixel; lite has less, VGG-19 more."""
_DEVICE_PIXELS = 100_000.0
"""Constant cost on a graphics card, in pixels: launching kernels. Not measured."""
_MODEL_ERROR, _NOISE = 0.1, 0.3
"""Standard deviations, of logarithms: of a scale's cost from this model, and of one iteration's."""
_TRIED = [0.25 * each for each in range(16, 67)]
"""Logarithms of the constants that are tried, from 55 to 15 million pixels."""


@dataclass(frozen=True)
class ConstantCost:
    """The constant cost of an iteration that is expected."""

    pixels: float
    """As many pixels cost the same."""
    deviation: float
    """Standard deviation of its logarithm."""

    @classmethod
    def guessed(
        cls, device: torch.device, dtype: torch.dtype, multiplications_per_pixel: float
    ) -> "ConstantCost":
        """What is expected before anything was painted; see `Encoder.multiplications_per_pixel`."""
        if device.type != "cpu":
            return cls(_DEVICE_PIXELS, 2.0)
        wide = multiplications_per_pixel > _WIDE
        return cls(_WIDE_BF16_PIXELS if wide and dtype is torch.bfloat16 else ITERATION_PIXELS, 0.5)

    @classmethod
    def remembered(cls, pixels: float) -> "ConstantCost":
        """What is expected after a painting that showed so many pixels."""
        return cls(pixels, 0.25)


@dataclass(eq=False)
class IterationCosts:
    """Costs in CPU seconds of all threads, or in seconds of another device."""

    scales: Sequence[Scale]
    """Scales of the painting."""
    threads: Sequence[Threads]
    """CPU threads that paint each of them."""
    expected: ConstantCost
    """Before any iteration."""
    _seen: dict[int, int] = field(default_factory=dict)
    """By scale: the number of its iterations."""
    _work: dict[int, tuple[float, int]] = field(default_factory=dict)
    """By scale: cost of its counted iterations, and their number."""
    _set_up: dict[int, float] = field(default_factory=dict)
    """By scale: cost of setting it up, and of its first iteration."""
    _constants: dict[tuple[int, ...], float] = field(default_factory=dict)
    """By the orders of magnitude of the counts: the constant cost, which takes a while to find."""

    def __bool__(self) -> bool:
        """Whether anything is known."""
        return bool(self._known)

    def add_set_up(self, scale: int, cost: float) -> None:
        """Setting up a scale took this long."""
        self._set_up[scale] = cost

    def add(self, scale: int, cost: float) -> None:
        """An iteration of a scale took this long."""
        self._seen[scale] = self._seen.get(scale, 0) + 1
        cold = COLD_AT_START if len(self._seen) == 1 else _COLD
        if self._seen[scale] > cold:
            total, count = self._work.get(scale, (0.0, 0))
            self._work[scale] = total + cost, count + 1
        elif self._seen[scale] == 1 and scale in self._set_up:
            self._set_up[scale] += cost

    def by_scale(self) -> list[float]:
        """Cost of an iteration at each scale."""
        works = self._works(self.constant_pixels())
        rate, found = self._rate(min(self._known), works), list[float]()
        for number, work in enumerate(works):
            if number in self._known:
                _, count = self._known[number]
                rate = (self._rate(number, works) * count + rate * _BELIEVED) / (count + _BELIEVED)
            found.append(rate * work)
        return found

    def setting_up(self) -> float:
        """Cost of setting up a scale, in iterations: the mean of a guess and of the scales so far.

        The first one does not count, as its iterations begin slowly.
        """
        costs = [SETTING_UP]
        for scale, (total, count) in self._known.items():
            if scale > min(self._seen) and scale in self._set_up:
                costs.append(max(0.0, self._set_up[scale] * count / total - 1))
        return statistics.mean(costs)

    def constant_pixels(self) -> float:
        """The constant cost of an iteration, in pixels, that explains the costs so far best.

        It has the greatest probability, given them and what was expected.
        """
        if not self.has_learned:
            return self.expected.pixels
        counts = tuple(count.bit_length() for _, count in self._known.values())
        if counts not in self._constants:
            self._constants[counts] = self._most_probable()
        return self._constants[counts]

    def _most_probable(self) -> float:
        odds = [self._log_odds(math.exp(one)) for one in _TRIED]
        best = max(range(1, len(odds) - 1), key=odds.__getitem__)
        before, there, after = odds[best - 1 : best + 2]
        # The vertex of a parabola through the best one and its neighbors.
        curvature = before - 2 * there + after
        step = (before - after) / (2 * curvature) if curvature < 0 else 0.0
        return math.exp(_TRIED[best] + (_TRIED[1] - _TRIED[0]) * min(1.0, max(-1.0, step)))

    @property
    def has_learned(self) -> bool:
        """Whether `constant_pixels` is more than what was expected."""
        return len(self._known) > 1

    def _log_odds(self, constant_pixels: float) -> float:
        """Logarithm of the probability of a constant, but for a summand that is the same of all."""
        works = self._works(constant_pixels)
        rates = [math.log(self._rate(number, works)) for number in self._known]
        weights = [1 / (_MODEL_ERROR**2 + _NOISE**2 / count) for _, count in self._known.values()]
        mean = statistics.fmean(rates, weights)
        errors = [weight * (rate - mean) ** 2 for rate, weight in zip(rates, weights, strict=True)]
        unexpected = math.log(constant_pixels / self.expected.pixels) / self.expected.deviation
        return -(sum(errors) + unexpected**2) / 2

    def _works(self, constant_pixels: float) -> list[float]:
        """Relative costs of an iteration at all scales."""
        return [
            (scale.pixels + constant_pixels) * threads.cpu_seconds
            for scale, threads in zip(self.scales, self.threads, strict=True)
        ]

    def _rate(self, scale: int, works: Sequence[float]) -> float:
        total, count = self._known[scale]
        return total / count / works[scale]

    @property
    def _known(self) -> dict[int, tuple[float, int]]:
        """Those of `_work` that took any time, by a clock that may go in steps of 16 ms."""
        return {number: found for number, found in self._work.items() if found[0] > 0}
