"""Removes plain borders of a painting: paper margins, mats, black bars."""

from typing import Final

import torch
from torch import Tensor

from engine.painting.picture import Picture

_LEVELS: Final = 12 / 255
"""Tolerance of a border pixel to the border's color, in any channel; JPEG needs some."""
_GRAY: Final = 40 / 255
"""Greatest difference of the channels of the border's color: paper, mats, walls and bars are nearly
gray, while a flat color more often belongs to the painting."""
_FLAT: Final = 0.995
"""Share of pixels in a row of the border that have its color."""
_FLAT_ROWS: Final = 0.5
"""Share of the border's rows for which that must hold; others may have writing on them."""
_ENDED: Final = 0.75
"""Below this share the painting begins, at once; a sky or a dark room ends gradually."""
_SOFT_SHARE: Final = 0.015
"""Greatest width of the edge between border and painting, relative to the side."""
_LEAST_SHARE: Final = 0.12
"""Least part of each side that must remain."""
_PLAIN: Final = 0.02
"""If the rest has less standard deviation than this in each channel, nothing is removed."""
_STRIP_ROWS: Final = 64
"""Rows that are processed together, so that a large scan is not in memory twice."""


def without_plain_border(picture: Picture) -> Picture:
    """Crop a plain border off; the picture itself if there is none.

    A border is on two opposite sides or on all four, in one flat color that is nearly gray, and
    ends abruptly. The ground of a drawing or the dark of a painting ends gradually, and is not
    removed. A picture with an alpha is left as it is.
    """
    if picture.alpha is not None:
        return picture
    kept = picture.pixels[:, _inner(picture.pixels)]
    kept = kept[:, :, _inner(kept.transpose(1, 2))]
    if kept.shape == picture.pixels.shape or float(kept.flatten(1).std(dim=1).amax()) < _PLAIN:
        return picture
    return Picture(kept.contiguous())


def _inner(pixels: Tensor) -> slice:
    """The rows of [3, H, W] between the borders above and below."""
    height = pixels.shape[1]
    whole = slice(0, height)
    above, below = (pixels[:, row].median(dim=1).values for row in (0, -1))
    if float((above - below).abs().amax()) > _LEVELS:
        return whole
    color = (above + below) / 2
    if float(color.amax() - color.amin()) > _GRAY:
        return whole
    if min(float(_shares(pixels[:, [row]], color)) for row in (0, -1)) < _ENDED:
        return whole  # most pictures, for which nothing else is computed
    shares = torch.cat([_shares(strip, color) for strip in torch.split(pixels, _STRIP_ROWS, 1)])
    top, bottom = _border_rows(shares), _border_rows(shares.flip(0))
    if not top or not bottom or height - top - bottom < _LEAST_SHARE * height:
        return whole
    return slice(top, height - bottom)


def _shares(pixels: Tensor, color: Tensor) -> Tensor:
    """Share of each row of [3, H, W] that has a color [3], as [H]."""
    away = (pixels - color[:, None, None]).abs_().amax(dim=0)
    return (away <= _LEVELS).float().mean(dim=1)


def _border_rows(shares: Tensor) -> int:
    """Number of rows of the border at the beginning, including its soft edge; 0 for none.

    Some of its rows may have a little on them, such as the status bar of a phone.

    Args:
        shares: [H], the share of each row that has the border's color.
    """
    ended = torch.nonzero(shares < _ENDED)
    if not len(ended):
        return 0
    end = int(ended[0])
    flat = shares[:end] >= _FLAT
    soft = max(1, round(_SOFT_SHARE * len(shares)))
    if not bool(flat[-soft:].any()) or float(flat.float().mean()) < _FLAT_ROWS:
        return 0
    # The first row of the painting is mixed with the border where either was scaled.
    return end + 1
