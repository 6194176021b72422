"""A painting without what it was scanned, photographed or shown on: margins, mats, black bars."""

from typing import Final

import torch
from torch import Tensor

from engine.painting.picture import Picture

_LEVELS: Final = 12 / 255
"""How far a pixel of a border may lie from its color in any channel; JPEG needs some."""
_GRAY: Final = 40 / 255
"""How far the channels of its color may lie apart: paper, mats, walls and bars are hardly colored,
and a flat color is of the painting more often."""
_FLAT: Final = 0.995
"""Share of a row of the border that is of its color."""
_FLAT_ROWS: Final = 0.5
"""Share of its rows that must be so; on the others something may be written."""
_ENDED: Final = 0.75
"""Share of it that is left where the painting begins; a sky or a dark room ends by degrees."""
_SOFT_SHARE: Final = 0.015
"""How wide the edge between border and painting may be, in parts of the side."""
_LEAST_SHARE: Final = 0.12
"""What must be left of each side."""
_PLAIN: Final = 0.02
"""A rest that deviates less than this in each channel is plain itself, and nothing is cut off."""
_STRIP_ROWS: Final = 64
"""Rows that are looked at together, as a large scan should not be in memory twice."""


def without_plain_border(picture: Picture) -> Picture:
    """The part of a painting inside of a plain border; itself where there is none.

    A border lies on two opposite sides or on all four, in one flat color that is nearly gray, and
    ends at once. Where the ground of a drawing or the dark of a painting reaches its sides, it
    ends by degrees, and nothing is cut off. One with an alpha says by that what is of it.
    """
    if picture.alpha is not None:
        return picture
    kept = picture.pixels[:, _inner(picture.pixels)]
    kept = kept[:, :, _inner(kept.transpose(1, 2))]
    if kept.shape == picture.pixels.shape or float(kept.flatten(1).std(dim=1).amax()) < _PLAIN:
        return picture
    return Picture(kept.contiguous())


def _inner(pixels: Tensor) -> slice:
    """The rows of [3, H, W] between its borders above and below."""
    height = pixels.shape[1]
    whole = slice(0, height)
    above, below = (pixels[:, row].median(dim=1).values for row in (0, -1))
    if float((above - below).abs().amax()) > _LEVELS:
        return whole
    color = (above + below) / 2
    if float(color.amax() - color.amin()) > _GRAY:
        return whole
    if min(float(_shares(pixels[:, [row]], color)) for row in (0, -1)) < _ENDED:
        return whole  # as most are; nothing else is looked at then
    shares = torch.cat([_shares(strip, color) for strip in torch.split(pixels, _STRIP_ROWS, 1)])
    top, bottom = _border_rows(shares), _border_rows(shares.flip(0))
    if not top or not bottom or height - top - bottom < _LEAST_SHARE * height:
        return whole
    return slice(top, height - bottom)


def _shares(pixels: Tensor, color: Tensor) -> Tensor:
    """How much of each row of [3, H, W] is of a color [3]: [H]."""
    away = (pixels - color[:, None, None]).abs_().amax(dim=0)
    return (away <= _LEVELS).float().mean(dim=1)


def _border_rows(shares: Tensor) -> int:
    """Rows of a border at the beginning, its soft edge with them; 0 for none.

    Some of its rows may have a little on them, as the clock and the battery of a telephone.

    Args:
        shares: [H], how much of each row is of the border's color.
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
