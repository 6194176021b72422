"""What of a frame is known from an earlier one: the pixels that the flow explains.

The equations are those of Ruder, Dosovitskiy and Brox, Artistic style transfer for videos (2016).
"""

from dataclasses import dataclass

import numpy as np

from engine.moving.flow import Flow, Pixels, grid, opencv, optical_flow, slopes, warped
from engine.moving.passing import REACH_PX, STILL, passed

_LIKE = 0.06
"""Difference of colour, around a pixel, at which it is half known to be the same."""
_OFF_PX = 0.25
"""Flow that errs by so much changes the colours of an edge by as much of its step."""
_AROUND_PX = 5
_SPECKLE_PX = 3
_SOFT_PX = 9
"""Over as many pixels new parts go over into those that are held."""
_BORDER_PX = 12.0
_STEADY_PX = 0.1
"""Flow below this is noise of the search, which would blur what stands."""


@dataclass(frozen=True, eq=False)
class Known:
    """An earlier frame in the view of a later one."""

    flow: Flow
    """From each pixel of the later frame back to the earlier one."""
    weights: Pixels
    """[H, W] in 0..1: how far the pixel is known to be the same."""

    @property
    def share(self) -> float:
        """How much of the frame is known."""
        return float(self.weights.mean())


def known_from(before: Pixels, after: Pixels) -> Known:
    """What of the frame `after` is known from `before`, both [H, W, 3]."""
    still = standing(before, after)
    forward, backward = optical_flow(before, after), optical_flow(after, before)
    flat = passed(before, after, still, forward, backward)
    stands = ((still > 0) | flat.stands)[..., None]
    steady = np.abs(backward).max(-1, keepdims=True) < _STEADY_PX
    forward, backward = np.where(stands, 0, forward), np.where(stands | steady, 0, backward)
    free = disoccluded(forward, backward) | motion_edges(backward) | beyond(backward) | flat.left
    free = opencv().medianBlur(free.astype(np.uint8), _SPECKLE_PX) > 0
    weights = np.where(free, 0, likeness(before, after, backward)) * entered(backward)
    return Known(backward, softened(weights.astype(np.float32)))


def disoccluded(forward: Flow, backward: Flow) -> np.ndarray:
    """Where the way back does not lead whence it came (eq. 5)."""
    there = warped(forward, backward)
    missed = _squared(there + backward)
    return np.asarray(missed > 0.01 * (_squared(there) + _squared(backward)) + 0.5)


def motion_edges(backward: Flow) -> np.ndarray:
    """Where neighbours move differently, so that the flow is not to be trusted (eq. 6)."""
    down, right = slopes(backward)
    return np.asarray(_squared(down) + _squared(right) > 0.01 * _squared(backward) + 0.002)


def beyond(backward: Flow) -> np.ndarray:
    """Where the way back leads out of the frame."""
    height, width = backward.shape[:2]
    places = grid(backward) + backward
    right, down = places[..., 0], places[..., 1]
    return np.asarray((right < 0) | (down < 0) | (right > width - 1) | (down > height - 1))


def entered(backward: Flow) -> Pixels:
    """How far what came in over the frame's border is in by now, 0..1; 1 for all that was in.

    At the border a painter has seen but half of what it paints.
    """
    height, width = backward.shape[:2]
    now = grid(backward)
    then = now + backward
    most = np.array([width - 1, height - 1], np.float32)
    inside = np.minimum(then, most - then)
    coming = np.minimum(now, most - now) > inside + _STEADY_PX
    share = np.where(coming, inside / _BORDER_PX, 1).min(-1)
    return np.asarray(share.clip(0, 1), dtype=np.float32)


def likeness(before: Pixels, after: Pixels, backward: Flow) -> Pixels:
    """How far the colours agree, 0..1: flow finds its way through flat areas by chance."""
    difference = np.abs(warped(before, backward) - after).max(-1)
    steepest = np.max([np.abs(one).max(-1) for one in slopes(after)], axis=0)
    least = _LIKE + _OFF_PX * _mean_around(steepest)
    return np.asarray(1 / (1 + (_mean_around(difference) / least) ** 4), dtype=np.float32)


def standing(reference: Pixels, after: Pixels) -> Pixels:
    """How far a frame shows what another did, at the same place and all around it, 0..1.

    A painted thing reaches out beyond its edge, and what it leaves behind is painted anew.
    """
    changed = np.abs(reference - after).max(-1) > STILL
    around = np.ones((2 * REACH_PX + 1, 2 * REACH_PX + 1), np.uint8)
    spread = np.asarray(opencv().dilate(changed.astype(np.float32), around), dtype=np.float32)
    return softened(1 - spread)


def softened(weights: Pixels) -> Pixels:
    """The weights [H, W], sinking toward smaller ones around; they stay 1 in the midst of 1."""
    cv2 = opencv()
    around = cv2.blur(weights, (_SOFT_PX, _SOFT_PX), borderType=cv2.BORDER_REPLICATE)
    least: Pixels = np.minimum(weights, around).astype(np.float32)
    return least


def _mean_around(values: Pixels) -> Pixels:
    cv2 = opencv()
    around = (_AROUND_PX, _AROUND_PX)
    return np.asarray(cv2.blur(values, around, borderType=cv2.BORDER_REPLICATE))


def _squared(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(np.square(vectors).sum(-1))
