"""The end of a loop: its last frames blend into the first one instead of jumping there."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from engine.moving.consistency import Correspondence, correspondence
from engine.moving.flow import Pixels, warped
from engine.moving.scenes import FramePair, Prior, is_cut

MOST_FRAMES = 8
"""Number of last frames that blend into the first one."""


@dataclass(frozen=True, eq=False)
class LoopEnd:
    """The last frames of a loop, with the correspondence of each with the first frame."""

    first: FramePair
    begins: int
    """Number of the first of these frames."""
    correspondences: tuple[Correspondence, ...]
    """One for each of these frames, in their order."""

    @classmethod
    def of(cls, first: FramePair, count: int, content: Callable[[int], Pixels]) -> "LoopEnd | None":
        """The end of a loop; None if there is a cut from the last frame to the first.

        Correspondences are chained from frame to frame, as neighbors are most alike.

        Args:
            first: the first frame.
            count: number of frames.
            content: gives the photograph of a frame.
        """
        over = min(MOST_FRAMES, count // 2)
        if not over:
            return None
        to_first = correspondence(first.content, after := content(count - 1))
        if is_cut(to_first):
            return None
        correspondences = [to_first]
        for number in range(count - 2, count - 1 - over, -1):
            step = correspondence(after, before := content(number))
            flow = step.flow + warped(to_first.flow, step.flow)
            weights = step.weights * warped(to_first.weights, step.flow)
            to_first, after = Correspondence(flow, weights), before
            correspondences.insert(0, to_first)
        return cls(first, count - over, tuple(correspondences))

    def blend_into(self, prior: Prior, number: int) -> Prior:
        """The prior of a frame, with the first frame blended in, more with each frame."""
        if number < self.begins:
            return prior
        place = number - self.begins
        to_first = self.correspondences[place]
        come = to_first.weights * ((place + 1) / len(self.correspondences))
        left = prior.weights * (1 - come)
        weights = come + left
        part = (come / np.maximum(weights, np.finfo(np.float32).tiny))[..., None]
        there = warped(self.first.painted, to_first.flow, sharp=True)
        return replace(
            prior, painted=prior.painted + part * (there - prior.painted), weights=weights
        )
