"""Flat, static parts of a scene that something passes quickly.

In flat parts the flow is arbitrary, and mostly follows what moves beside them. So an object that
passes would drag a shell of its surroundings along, visible as rings.
"""

from dataclasses import dataclass
from functools import reduce

import numpy as np

from engine.moving.flow import Flow, Pixels, greatest, opencv

REACH_PX = 7
"""How far strokes extend beyond the edge of an object. Slower objects take these along."""
STILL = 2.5 / 255
"""Color difference up to which a pixel is unchanged."""
_FLAT = 4 / 255
"""Color difference of neighbors up to which they are flat, including noise."""
_LINE_PX = 5
"""Changes thinner than this are edges, not objects."""


@dataclass(frozen=True, eq=False)
class StaticFlatParts:
    """Flat parts that are static, whatever the flow says."""

    static: np.ndarray
    """[H, W]: pixels whose true flow is zero."""
    uncovered: np.ndarray
    """[H, W]: those of them that an object was beside and has left. The strokes around it must be
    painted anew.
    """


def static_flat_parts(
    before: Pixels, after: Pixels, still: Pixels, *flows: Flow
) -> StaticFlatParts:
    """The static flat parts between two frames [H, W, 3].

    Args:
        before: the earlier frame.
        after: the later one.
        still: [H, W], above 0 where a pixel and its surroundings are unchanged.
        flows: forward and backward.
    """
    moved = reduce(np.maximum, (greatest(np.abs(flow)) for flow in flows))
    same = greatest(np.abs(before - after)) <= STILL
    was, now = (_static_flat(frame, still) for frame in (before, after))
    static = (moved > REACH_PX) & same & was & now
    uncovered = static & _dilated_objects(~same & ~was) & ~_dilated_objects(~same & ~now)
    return StaticFlatParts(static, uncovered)


def _static_flat(frame: Pixels, still: Pixels) -> np.ndarray:
    """[H, W]: connected flat parts most of whose pixels are unchanged."""
    flat = np.ones(frame.shape[:2], np.uint8)
    right, down = (greatest(np.abs(np.diff(frame, axis=axis))) <= _FLAT for axis in (1, 0))
    flat[:, 1:] &= right
    flat[:, :-1] &= right
    flat[1:] &= down
    flat[:-1] &= down
    count, parts = opencv().connectedComponents(flat, connectivity=4)
    pixels = np.bincount(parts.ravel(), minlength=count)
    static_pixels = np.bincount(parts.ravel(), weights=(still > 0).ravel(), minlength=count)
    static = static_pixels > pixels / 2
    static[0] = False  # label 0 is everything that is not flat
    return np.asarray(static[parts])


def _dilated_objects(changed: np.ndarray) -> np.ndarray:
    """[H, W]: changed parts without thin lines, dilated by the extent of their strokes."""
    cv2 = opencv()
    line = np.ones((_LINE_PX, _LINE_PX), np.uint8)
    around = np.ones((2 * REACH_PX + 1, 2 * REACH_PX + 1), np.uint8)
    things = cv2.morphologyEx(changed.astype(np.uint8), cv2.MORPH_OPEN, line)
    return np.asarray(cv2.dilate(things, around) > 0)
