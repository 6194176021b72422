"""Flat parts of a scene that something passes quickly.

In flat parts flow finds its way by chance, and mostly goes along with what moves beside them. What
passes would drag a shell of its surroundings with it, and rings would be seen around it.
"""

from dataclasses import dataclass

import numpy as np

from engine.moving.flow import Flow, Pixels, opencv

REACH_PX = 7
"""So far beyond its edge a painted thing is seen. What moves less takes that along."""
STILL = 2.5 / 255
"""Difference of colour up to which a pixel shows the same."""
_FLAT = 4 / 255
"""Difference between neighbours of a flat part, noise included."""
_LINE_PX = 5
"""What is thinner is an edge, and no thing."""


@dataclass(frozen=True, eq=False)
class Passed:
    """What of the flat parts is where it was, whatever the flow says."""

    stands: np.ndarray
    """[H, W]: pixels whose flow is none."""
    left: np.ndarray
    """[H, W]: those of them that a thing lay beside which does so no more. What was painted around
    it is to be painted anew.
    """


def passed(before: Pixels, after: Pixels, still: Pixels, *flows: Flow) -> Passed:
    """The flat parts that something passes between two frames [H, W, 3].

    Args:
        before: the earlier frame.
        after: the later one.
        still: [H, W], above 0 where all around is as it was.
        flows: there and back.
    """
    moved = np.max([np.abs(flow).max(-1) for flow in flows], axis=0)
    same = np.abs(before - after).max(-1) <= STILL
    was, now = (_calm(frame, still) for frame in (before, after))
    stands = (moved > REACH_PX) & same & was & now
    left = stands & _around_things(~same & ~was) & ~_around_things(~same & ~now)
    return Passed(stands, left)


def _calm(frame: Pixels, still: Pixels) -> np.ndarray:
    """[H, W]: flat parts of which the most stands still: all of them does then."""
    flat = np.ones(frame.shape[:2], np.uint8)
    right, down = (np.abs(np.diff(frame, axis=axis)).max(-1) <= _FLAT for axis in (1, 0))
    flat[:, 1:] &= right
    flat[:, :-1] &= right
    flat[1:] &= down
    flat[:-1] &= down
    count, parts = opencv().connectedComponents(flat, connectivity=4)
    pixels = np.bincount(parts.ravel(), minlength=count)
    standing = np.bincount(parts.ravel(), weights=(still > 0).ravel(), minlength=count)
    calm = standing > pixels / 2
    calm[0] = False  # which is all that is not flat
    return np.asarray(calm[parts])


def _around_things(changed: np.ndarray) -> np.ndarray:
    """[H, W]: as far as things that are no lines are seen when they are painted."""
    cv2 = opencv()
    line = np.ones((_LINE_PX, _LINE_PX), np.uint8)
    around = np.ones((2 * REACH_PX + 1, 2 * REACH_PX + 1), np.uint8)
    things = cv2.morphologyEx(changed.astype(np.uint8), cv2.MORPH_OPEN, line)
    return np.asarray(cv2.dilate(things, around) > 0)
