"""How long a painting will still take, from the iterations so far.

An iteration costs some time by itself and some for each pixel: at 128 px a third of it or more is
not for pixels, so that the time of small scales, multiplied by pixels, would promise far too much.
Both parts are fitted to what was measured, the newest counting most, since other programs come
and go; until scales of other sizes have been seen their ratio is the usual one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.painting.plan import ITERATION_PIXELS, Scale

SETTING_UP = 1.0
"""What each scale costs before its first iteration, in iterations: its targets are measured."""
_FORGETTING = 0.97
"""What an iteration counts for, beside the next one."""
_USUAL_WEIGHT = 0.5
"""What the usual ratio counts for, in iterations."""
_COLD = 2
"""First iterations of a painting, in which libraries get ready."""


@dataclass(eq=False)
class TimeLeft:
    """Learns the time of iterations by their size."""

    scales: Sequence[Scale]
    """Scales of the painting."""
    _seen: int = 0
    _weight: float = 0.0
    _pixels: float = 0.0
    _seconds: float = 0.0
    _squares: float = 0.0
    _products: float = 0.0

    def add(self, scale: int, seconds: float) -> None:
        """An iteration of a scale took this long."""
        self._seen += 1
        if self._seen <= _COLD:
            return
        pixels = self.scales[scale].pixels
        # Relative errors count, as a share of the time is what is shown: both sides are divided
        # by what is usual for the size.
        usual = pixels + ITERATION_PIXELS
        share, rate = pixels / usual, seconds / usual
        for name in ("_weight", "_pixels", "_seconds", "_squares", "_products"):
            setattr(self, name, getattr(self, name) * _FORGETTING)
        self._weight += 1
        self._pixels += share
        self._squares += share * share
        self._seconds += rate
        self._products += rate * share

    def seconds(self, scale: int, iteration: int) -> float | None:
        """From this iteration of a scale to the end; None while it cannot be told."""
        rates = self._rates()
        if rates is None:
            return None
        own, each = rates
        left = 0.0
        for number, one in enumerate(self.scales[scale:], start=scale):
            count: float = one.iterations - (iteration if number == scale else 0)
            count += SETTING_UP if number > scale else 0
            left += count * (own + each * one.pixels)
        return left

    def _rates(self) -> tuple[float, float] | None:
        """Seconds of an iteration by itself, and for each pixel."""
        if not self._weight:
            return None
        # A rate is u · (1 − share) + v · share, with u = own / ITERATION_PIXELS and v = each. By
        # least squares, with both tied to their mean: one size alone cannot tell them apart.
        mean = self._seconds / self._weight
        rests = self._weight - 2 * self._pixels + self._squares + _USUAL_WEIGHT
        crossed = self._pixels - self._squares
        squares = self._squares + _USUAL_WEIGHT
        of_rest = self._seconds - self._products + _USUAL_WEIGHT * mean
        of_share = self._products + _USUAL_WEIGHT * mean
        determinant = rests * squares - crossed**2
        own = max(0.0, (of_rest * squares - of_share * crossed) / determinant)
        each = max(mean / 4, (rests * of_share - crossed * of_rest) / determinant)
        return own * ITERATION_PIXELS, each
