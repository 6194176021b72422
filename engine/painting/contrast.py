"""How much a picture shows: its contrast when small.

A style of one color, a gradient or a blank sheet has no strokes to teach. All that its statistics
ask for is that nothing be seen, and at full weight they would wipe the photograph away.
"""

import math
from collections.abc import Sequence

from torch import Tensor

from engine.painting.picture import Picture, fit_size, padded, resized

SIDE_PX = 128
"""Longer side for measuring: that of the first scale, which decides what goes where."""
_LEAST_SIDE_PX = 32
_ENOUGH = 0.04
"""Contrast from which on a style has its full weight; nearly all paintings have more."""
_LEAST = 0.0003


def reduced(pixels: Tensor) -> Tensor:
    """A picture [3, H, W] in 0..1 at the size for measuring, padded if it is narrow."""
    size = (pixels.shape[1], pixels.shape[2])
    return padded(resized(pixels, fit_size(size, min(SIDE_PX, max(size)))), _LEAST_SIDE_PX)


def contrast(pixels: Tensor) -> float:
    """Root mean square of the gradient of a picture [3, H, W] in 0..1 when small."""
    small = reduced(pixels)
    steps = [small[:, 1:] - small[:, :-1], small[:, :, 1:] - small[:, :, :-1]]
    return math.sqrt(sum(float(step.square().mean()) for step in steps))


def style_share(styles: Sequence[tuple[float, Picture]]) -> float:
    """The factor of the style's weight for styles that show little: 1, or less.

    It is (c / 0.04)⁴, within 0.0003 and 1, of the contrast c. The contrasts of several styles add
    up, by their weights.

    Args:
        styles: weight and picture of each, with transparent parts filled.
    """
    total = sum(weight for weight, _ in styles)
    power = sum(weight / total * _visible_power(picture) for weight, picture in styles)
    return min(1.0, max(_LEAST, (power / _ENOUGH**2) ** 2))


def _visible_power(picture: Picture) -> float:
    """Square of the contrast of the visible part; what is filled in has next to none."""
    visible = 1.0 if picture.alpha is None else float(picture.alpha.mean())
    return contrast(picture.pixels) ** 2 / max(visible, 1e-6)
