"""The photograph in the styles' palette, before it is painted."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.painting.color import (
    LUMA,
    color_moments,
    least_map,
    luminance,
    mapped,
    quantiles,
    sample,
)
from engine.painting.picture import Picture
from engine.painting.plain_border import without_plain_border
from engine.painting.statistics import ColorMoments

_CHROMA = 3.0
_OPPONENT = torch.tensor(
    [
        [0.299, 0.587, 0.114],
        [-0.1687 * _CHROMA, -0.3313 * _CHROMA, 0.5 * _CHROMA],
        [0.5 * _CHROMA, -0.4187 * _CHROMA, -0.0813 * _CHROMA],
    ],
    dtype=torch.float64,
)
"""Luma, and what is blue and red beyond it (BT.601), which count more than it."""
_MOST_GAMMA = 2.0
_CONTRASTS = (0.3, 2.0)
_TURNED, _KEPT = 0.4, 0.6
"""Correlation of the luma before and after, up to which light is turned about by the palette, and
from which on it is kept."""
_DARKEST = 1e-4
_HALVINGS = 30


@dataclass(frozen=True, eq=False)
class Coloring:
    """By what a photograph's colours are moved to the styles' palette."""

    given: ColorMoments
    """Those that it has."""
    lumas: Tensor
    """Its luma at evenly spaced ranks."""
    by_hue: bool
    """Whether hue leads the way, so that a light blue sky takes the painting's dark blue and not
    its light yellow: not to faces, whose greys would go blotchy."""

    @classmethod
    def of(cls, pixels: Tensor, *, faces: bool) -> "Coloring":
        """That of a photograph [3, H, W] with faces or without.

        Bars above and below it, or any plain border, are not of it: it would get pale or dark.
        """
        pixels = without_plain_border(Picture(pixels)).pixels
        lumas = quantiles(luminance(sample(pixels.flatten(1))[None, :, None]).flatten())
        return cls(color_moments(pixels[None]), lumas.cpu().double(), by_hue=not faces)


def in_palettes(
    photograph: Tensor,
    parts: Sequence[tuple[float, ColorMoments, Tensor | None]],
    share: float,
    coloring: Coloring,
) -> Tensor:
    """A photograph [3, H, W] brought to palettes, as far as the share says.

    Colours get the palettes' means and covariances by the map that moves them least. Where hue
    leads, that map could send what is dark to grey and lamps far beyond white; the luma takes a
    curve in its place, unless the palette turns light about.

    Args:
        photograph: sRGB.
        parts: weight, palette, and mask [H, W] of where it applies; None everywhere. Where none
            applies, the photograph stays.
        share: 0..1.
        coloring: of this photograph, or of one that this is to be moved like.
    """
    found, total = (photograph.new_zeros(one.shape) for one in (photograph, photograph[0]))
    for weight, colors, mask in parts:
        cover = torch.full_like(total, weight) if mask is None else mask.to(total) * weight
        found += cover * _in_palette(photograph[None], colors, coloring)[0]
        total += cover
    tiny = torch.finfo(total.dtype).tiny
    painted = torch.where(total > 0, found / total.clamp(min=tiny), photograph)
    return torch.lerp(photograph, painted, share)


def _in_palette(photograph: Tensor, wanted: ColorMoments, coloring: Coloring) -> Tensor:
    given = coloring.given
    matrix = least_map(given, wanted, _OPPONENT if coloring.by_hue else None)
    moved = mapped(photograph, matrix, given, wanted)
    if not coloring.by_hue:
        return moved.clamp(0, 1)
    kept = (_light_kept(given.covariance, matrix) - _TURNED) / (_KEPT - _TURNED)
    kept = min(1.0, max(0.0, kept))
    if not kept:
        return moved.clamp(0, 1)
    luma = torch.tensor(LUMA, dtype=torch.float64)
    mean, deviation = float(luma @ wanted.mean), float(luma @ wanted.covariance @ luma) ** 0.5
    tone = Tone.to(coloring.lumas, mean, deviation)
    change = tone.of(luminance(photograph)).sub_(luminance(moved))
    return moved.add_(change, alpha=kept).clamp_(0, 1)


def _light_kept(covariance: Tensor, matrix: Tensor) -> float:
    """Correlation of the luma before and after a map of colours; 0 for a flat picture."""
    luma = torch.tensor(LUMA, dtype=torch.float64)
    after = luma @ matrix
    variances = (luma @ covariance @ luma) * (after @ covariance @ after)
    return float(luma @ covariance @ after / variances.sqrt()) if float(variances) > 0 else 0.0


@dataclass(frozen=True)
class Tone:
    """A rising curve of the luma: a power, then more or less contrast about the middle.

    What is black and white stays so where contrast rises, and nothing leaves 0..1.
    """

    gamma: float
    middle: float
    contrast: float

    @classmethod
    def to(cls, lumas: Tensor, mean: float, deviation: float) -> "Tone":
        """That which brings lumas near to a mean and a deviation, within limits.

        Steeper curves would show the noise of what is dark.
        """
        lumas = lumas.clamp(min=_DARKEST)
        low, gamma, high = 1 / _MOST_GAMMA, 1.0, _MOST_GAMMA
        for _ in range(_HALVINGS):
            low, high = (gamma, high) if float((lumas**gamma).mean()) > mean else (low, gamma)
            gamma = (low * high) ** 0.5
        risen = lumas**gamma
        spread = max(float(risen.std(unbiased=False)), _DARKEST)
        least, most = _CONTRASTS
        return cls(gamma, float(risen.mean()), min(most, max(least, deviation / spread)))

    def of(self, luma: Tensor) -> Tensor:
        """Lumas in 0..1 by the curve."""
        risen = luma.clamp(_DARKEST, 1) ** self.gamma
        up = ((risen - self.middle) / max(1 - self.middle, _DARKEST)).clamp(min=0)
        down = ((self.middle - risen) / self.middle).clamp(min=0)
        return self.middle + (1 - self.middle) * self._spread(up) - self.middle * self._spread(down)

    def _spread(self, share: Tensor) -> Tensor:
        """A share of the way from the middle to an end, by the contrast at the middle."""
        more = self.contrast
        return more * share / (1 + (more - 1) * share) if more > 1 else more * share
