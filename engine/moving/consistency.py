"""Consistency of optical flow: the pixels of a frame that are known from an earlier one.

The equations are those of Ruder, Dosovitskiy and Brox, Artistic style transfer for videos (2016).
"""

from dataclasses import dataclass

import numpy as np

from engine.moving.flow import (
    Flow,
    Pixels,
    greatest,
    grid,
    opencv,
    optical_flow,
    spatial_gradient,
    warped,
)
from engine.moving.static_parts import REACH_PX, STILL, static_flat_parts

_LIKE = 0.06
"""Color difference, averaged around a pixel, at which its weight is a half."""
_OFF_PX = 0.25
"""Tolerated error of the flow; on an edge it causes this fraction of the edge's step."""
_AROUND_PX = 5
_SPECKLE_PX = 3
_SOFT_PX = 9
"""Width of the transition from unknown to known parts."""
_BORDER_PX = 12.0
_STEADY_PX = 0.1
"""Smaller flow is noise of the search, which would blur what is static."""


@dataclass(frozen=True, eq=False)
class Correspondence:
    """Where a frame shows what an earlier one did."""

    flow: Flow
    """From each pixel of the later frame back to the earlier one."""
    weights: Pixels
    """[H, W] in 0..1: how reliable the flow is at each pixel."""

    @property
    def share(self) -> float:
        """Mean of the weights."""
        return float(self.weights.mean())


def correspondence(before: Pixels, after: Pixels) -> Correspondence:
    """The correspondence of the frame `after` with `before`, both [H, W, 3]."""
    still = static_weights(before, after)
    forward, backward = optical_flow(before, after), optical_flow(after, before)
    flat = static_flat_parts(before, after, still, forward, backward)
    static = ((still > 0) | flat.static)[..., None]
    steady = greatest(np.abs(backward))[..., None] < _STEADY_PX
    forward, backward = np.where(static, 0, forward), np.where(static | steady, 0, backward)
    free = (
        disoccluded(forward, backward)
        | motion_boundaries(backward)
        | out_of_frame(backward)
        | flat.uncovered
    )
    free = opencv().medianBlur(free.astype(np.uint8), _SPECKLE_PX) > 0
    weights = np.where(free, 0, photometric_consistency(before, after, backward)) * border_weights(
        backward
    )
    return Correspondence(backward, softened(weights.astype(np.float32)))


def disoccluded(forward: Flow, backward: Flow) -> np.ndarray:
    """Where forward and backward flow do not cancel (eq. 5)."""
    there = warped(forward, backward)
    missed = _squared(there + backward)
    return np.asarray(missed > 0.01 * (_squared(there) + _squared(backward)) + 0.5)


def motion_boundaries(backward: Flow) -> np.ndarray:
    """Where the flow changes abruptly, and so is unreliable (eq. 6)."""
    down, right = spatial_gradient(backward)
    return np.asarray(_squared(down) + _squared(right) > 0.01 * _squared(backward) + 0.002)


def out_of_frame(backward: Flow) -> np.ndarray:
    """Where the backward flow points out of the frame."""
    height, width = backward.shape[:2]
    places = grid(backward) + backward
    right, down = places[..., 0], places[..., 1]
    return np.asarray((right < 0) | (down < 0) | (right > width - 1) | (down > height - 1))


def border_weights(backward: Flow) -> Pixels:
    """Weights of pixels near the border through which they entered the frame, 0..1; else 1.

    At the border the network sees only half of the surroundings, so what was painted there is
    worse.
    """
    height, width = backward.shape[:2]
    now = grid(backward)
    then = now + backward
    most = np.array([width - 1, height - 1], np.float32)
    inside = np.minimum(then, most - then)
    coming = np.minimum(now, most - now) > inside + _STEADY_PX
    right, down = np.moveaxis(np.where(coming, inside / _BORDER_PX, 1), -1, 0)
    return np.asarray(np.minimum(right, down).clip(0, 1), dtype=np.float32)


def photometric_consistency(before: Pixels, after: Pixels, backward: Flow) -> Pixels:
    """How far the warped colors agree, 0..1: in flat areas the flow is arbitrary."""
    difference = greatest(np.abs(warped(before, backward) - after))
    edge_step = np.maximum(*(greatest(np.abs(one)) for one in spatial_gradient(after)))
    least = _LIKE + _OFF_PX * _mean_around(edge_step)
    return np.asarray(1 / (1 + (_mean_around(difference) / least) ** 4), dtype=np.float32)


def static_weights(reference: Pixels, after: Pixels) -> Pixels:
    """Weights in 0..1 of pixels that, with all their surroundings, equal those of another frame.

    The surroundings count because strokes extend beyond the edge of an object; where it leaves,
    they must be painted anew.
    """
    changed = greatest(np.abs(reference - after)) > STILL
    around = np.ones((2 * REACH_PX + 1, 2 * REACH_PX + 1), np.uint8)
    spread = np.asarray(opencv().dilate(changed.astype(np.float32), around), dtype=np.float32)
    return softened(1 - spread)


def softened(weights: Pixels) -> Pixels:
    """Weights [H, W] with soft transitions, which only lower them."""
    cv2 = opencv()
    around = cv2.blur(weights, (_SOFT_PX, _SOFT_PX), borderType=cv2.BORDER_REPLICATE)
    least: Pixels = np.minimum(weights, around).astype(np.float32)
    return least


def _mean_around(values: Pixels) -> Pixels:
    cv2 = opencv()
    around = (_AROUND_PX, _AROUND_PX)
    return np.asarray(cv2.blur(values, around, borderType=cv2.BORDER_REPLICATE))


def _squared(vectors: Flow) -> np.ndarray:
    right, down = np.moveaxis(vectors, -1, 0)
    return np.asarray(np.square(right) + np.square(down))
