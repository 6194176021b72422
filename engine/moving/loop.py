"""The end of a loop: its last frames go over into its first one, instead of jumping there."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from engine.moving.consistency import Known, known_from
from engine.moving.flow import Pixels, warped
from engine.moving.scenes import Past, Shown

MOST_FRAMES = 8
"""Over as many of the last frames the first one comes back."""
_SAME_SCENE = 0.3
"""Less than this share of the last frame is known from the first by chance."""


@dataclass(frozen=True, eq=False)
class LoopEnd:
    """The last frames of a loop, with the way from each of them on to the first one."""

    first: Shown
    begins: int
    """Number of the first of these frames."""
    ways: tuple[Known, ...]
    """For each of them where the first frame shows it, and how far that is known."""

    @classmethod
    def of(cls, first: Shown, count: int, content: Callable[[int], Pixels]) -> "LoopEnd | None":
        """The end of a loop of so many frames; None where it begins with a cut.

        The way to the first frame goes over all frames between, as neighbours are alike.

        Args:
            first: the first frame.
            count: number of frames.
            content: gives the photograph of a frame.
        """
        over = min(MOST_FRAMES, count // 2)
        if not over:
            return None
        way = known_from(first.content, after := content(count - 1))
        if way.share < _SAME_SCENE:
            return None
        ways = [way]
        for number in range(count - 2, count - 1 - over, -1):
            step = known_from(after, before := content(number))
            flow = step.flow + warped(way.flow, step.flow)
            weights = step.weights * warped(way.weights, step.flow)
            way, after = Known(flow, weights), before
            ways.insert(0, way)
        return cls(first, count - over, tuple(ways))

    def over(self, past: Past, number: int) -> Past:
        """What a frame begins from, with the first frame laid over it, more with each frame."""
        if number < self.begins:
            return past
        place = number - self.begins
        way = self.ways[place]
        come = way.weights * ((place + 1) / len(self.ways))
        left = past.weights * (1 - come)
        weights = come + left
        part = (come / np.maximum(weights, np.finfo(np.float32).tiny))[..., None]
        there = warped(self.first.painted, way.flow, sharp=True)
        return replace(past, painted=past.painted + part * (there - past.painted), weights=weights)
