"""Optical flow between two frames, and moving a picture along it."""

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from common.options import MIN_SIZE_PX

Pixels = npt.NDArray[np.float32]
"""[H, W, C] or [H, W], in 0..1."""
_LEAST_PX = 186
"""Smaller frames are made so large for the search, by the longer side.

It halves a frame until it is a few of its patches wide, which of an emoji come to nothing; just
above this size it halves once more, and finds what moves quickly.
"""
Flow = npt.NDArray[np.float32]
"""[H, W, 2]: how far each pixel moves to the right and down."""


@cache
def opencv() -> Any:
    """OpenCV, which takes 20 MiB: loaded where something moves."""
    import cv2  # noqa: PLC0415

    cv2.setNumThreads(1)  # Its results depend on how many there are, and they take little time.
    return cv2


def optical_flow(before: Pixels, after: Pixels) -> Flow:
    """Where each pixel of `before` is in `after`, by dense inverse search (Kroeger et al., 2016).

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
    """The picture as it is seen by following the flow from each pixel; its border is continued.

    Args:
        picture: [H, W] or [H, W, C].
        flow: from the pixels of the result to those of the picture.
        sharp: a filter that keeps detail when a picture is moved again and again: a cubic one takes
            a fifth of it within ten frames, and style with it.
    """
    cv2 = opencv()
    places = grid(flow) + flow
    filtered = cv2.INTER_LANCZOS4 if sharp else cv2.INTER_LINEAR
    right, down = places[..., 0], places[..., 1]
    moved = cv2.remap(picture, right, down, filtered, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, dtype=np.float32).clip(0, 1) if sharp else np.asarray(moved)


def grid(flow: Flow) -> Flow:
    """Each pixel's own place, right and down."""
    height, width = flow.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns, rows], axis=-1).astype(np.float32)


def slopes(values: Pixels) -> tuple[Pixels, Pixels]:
    """How much values [H, W, C] change from pixel to pixel, down and to the right."""
    down, right = (
        np.gradient(values, axis=axis) if values.shape[axis] > 1 else np.zeros_like(values)
        for axis in (0, 1)
    )
    return down, right


def _gray(frame: Pixels) -> npt.NDArray[np.uint8]:
    cv2 = opencv()
    levels = (frame * 255 + 0.5).clip(0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(levels, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
