"""Optical flow between two frames, and warping a picture by it."""

from functools import cache, reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from common.options import MIN_SIZE_PX

Pixels = npt.NDArray[np.float32]
"""[H, W, C] or [H, W], in 0..1."""
_LEAST_PX = 186
"""Smaller frames are enlarged to this longer side for the search.

The search halves a frame until it is a few patches wide; of an emoji that leaves nothing. Just
above this size it halves once more, and so finds fast motion.
"""
Flow = npt.NDArray[np.float32]
"""[H, W, 2]: motion of each pixel to the right and down, in pixels."""


@cache
def opencv() -> Any:
    """OpenCV, imported when a clip is painted, as it takes memory."""
    import cv2  # noqa: PLC0415

    cv2.setNumThreads(1)  # results depend on the number of threads
    return cv2


def optical_flow(before: Pixels, after: Pixels) -> Flow:
    """The flow from `before` to `after`, by dense inverse search (DIS; Kroeger et al., 2016).

    Args:
        before: [H, W, 3].
        after: of the same size.
    """
    cv2 = opencv()
    height, width = before.shape[:2]
    below, right = max(0, MIN_SIZE_PX - height), max(0, MIN_SIZE_PX - width)
    first, second = (
        cv2.copyMakeBorder(_gray(one), 0, below, 0, right, cv2.BORDER_REPLICATE)
        for one in (before, after)
    )
    rows, columns = first.shape
    share = max(1.0, _LEAST_PX / max(rows, columns))
    size = (round(columns * share), round(rows * share))
    if share > 1:
        first, second = (
            cv2.resize(one, size, interpolation=cv2.INTER_CUBIC) for one in (first, second)
        )
    searching = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    found = searching.calc(first, second, np.zeros((*first.shape, 2), np.float32))
    if share > 1:
        found = cv2.resize(found, (columns, rows), interpolation=cv2.INTER_AREA)
        found *= np.array([columns / size[0], rows / size[1]], np.float32)
    return np.ascontiguousarray(found[:height, :width], dtype=np.float32)


def warped(picture: Pixels, flow: Flow, *, sharp: bool = False) -> Pixels:
    """Backward warping: sample the picture where the flow points, with border replication.

    Args:
        picture: [H, W] or [H, W, C].
        flow: from the pixels of the result to those of the picture.
        sharp: use a Lanczos filter instead of a bilinear one. It keeps detail, and style with it,
            when a picture is warped again and again.
    """
    cv2 = opencv()
    places = grid(flow) + flow
    filtered = cv2.INTER_LANCZOS4 if sharp else cv2.INTER_LINEAR
    right, down = places[..., 0], places[..., 1]
    moved = cv2.remap(picture, right, down, filtered, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, dtype=np.float32).clip(0, 1) if sharp else np.asarray(moved)


def grid(flow: Flow) -> Flow:
    """The coordinates of each pixel, [H, W, 2], right and down."""
    height, width = flow.shape[:2]
    made = np.empty((height, width, 2), np.float32)
    made[..., 0] = np.arange(width)
    made[..., 1] = np.arange(height)[:, None]
    return made


def greatest(values: Pixels) -> Pixels:
    """The greatest of each pixel's few values; numpy's own `max(-1)` takes ten times as long."""
    return reduce(np.maximum, np.moveaxis(values, -1, 0))


def spatial_gradient(values: Pixels) -> tuple[Pixels, Pixels]:
    """The gradient of values [H, W, C] along y and x."""
    down, right = (
        np.gradient(values, axis=axis) if values.shape[axis] > 1 else np.zeros_like(values)
        for axis in (0, 1)
    )
    return down, right


def _gray(frame: Pixels) -> npt.NDArray[np.uint8]:
    cv2 = opencv()
    levels = (frame * 255 + 0.5).clip(0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(levels, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
