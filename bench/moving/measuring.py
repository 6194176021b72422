"""Measures the temporal stability and style distance of painted clips."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from skimage.registration import optical_flow_tvl1

from engine.moving.consistency import disoccluded, out_of_frame
from engine.moving.flow import Flow, Pixels, warped
from tools.evaluation import Judge

_AGREE_PX = 0.5
_CUT = 0.3
"""Minimum share of matching pixels between frames; below it there is a cut."""


def warping_errors(
    contents: Sequence[Image.Image], *shown: Sequence[Image.Image]
) -> tuple[float, ...]:
    """Warping errors: how far each clip deviates from the photographs' motion, in levels of 255.

    The earlier of two neighboring frames is warped by the photographs' optical flow, and compared
    with the later one over all pixels visible in both (Lai et al., Learning blind video temporal
    consistency, 2018). The flow is TV-L1's (Zach et al., 2007), where Farneback's (2003) agrees
    with it. The painter uses neither, and in flat areas, where both guess, they disagree.
    """
    errors: list[list[float]] = []
    for number, (before, after) in enumerate(itertools.pairwise(contents)):
        forward, backward = held_out_flow(before, after), held_out_flow(after, before)
        hidden = disoccluded(forward, backward) | out_of_frame(backward)
        seen = ~hidden & _alike(before, after, backward)
        if seen.mean() < _CUT:
            continue
        seen &= _agree(backward, _farneback(after, before))
        size = before.size
        pairs = [(_pixels(one[number], size), _pixels(one[number + 1], size)) for one in shown]
        apart = [np.abs(warped(first, backward) - second) for first, second in pairs]
        errors.append([255 * float(one[seen].mean()) for one in apart])
    return tuple(float(one) for one in np.mean(errors, axis=0))


def held_out_flow(before: Image.Image, after: Image.Image) -> Flow:
    """Optical flow by TV-L1."""
    gray = [np.asarray(one.convert("L"), np.float32) / 255 for one in (before, after)]
    down, right = optical_flow_tvl1(gray[0], gray[1])  # type: ignore[no-untyped-call]
    return np.stack([right, down], axis=-1).astype(np.float32)


def _farneback(before: Image.Image, after: Image.Image) -> Flow:
    first, second = (np.asarray(one.convert("L")) for one in (before, after))
    start = np.zeros((*first.shape, 2), np.float32)
    found = cv2.calcOpticalFlowFarneback(first, second, start, 0.5, 4, 15, 5, 7, 1.5, 0)
    return np.asarray(found, dtype=np.float32)


def _agree(one: Flow, another: Flow) -> np.ndarray:
    return np.asarray(np.abs(one - another).max(-1) < _AGREE_PX)


def style_distance(judge: Judge, frames: Sequence[Image.Image], style: Path) -> float:
    """Mean style distance of the frames, by layers that no painter optimizes."""
    target = judge.style_target(style, max(frames[0].size))
    each = [np.mean(list(judge.style_distances(one, target).values())) for one in frames]
    return float(np.mean(each))


def _alike(before: Image.Image, after: Image.Image, backward: Flow) -> np.ndarray:
    """Pixels where the warped photographs agree, so that the flow is right."""
    size = before.size
    apart = np.abs(warped(_pixels(before, size), backward) - _pixels(after, size)).max(-1)
    return np.asarray(cv2.blur(apart, (5, 5)) < 0.1)


def _pixels(image: Image.Image, size: tuple[int, int]) -> Pixels:
    sized = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    return np.asarray(sized, np.float32) / np.float32(255)
