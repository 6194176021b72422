"""The photograph in the styles' palette, before it is painted."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.painting.color import (
    LUMA,
    color_moments,
    luminance,
    mapped,
    monge_kantorovitch_map,
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
"""From RGB to Y, Cb and Cr (BT.601), chroma weighted by `_CHROMA`."""
_MOST_GAMMA = 2.0
_CONTRASTS = (0.3, 2.0)
_TURNED, _KEPT = 0.4, 0.6
"""Correlation of the luma before and after recoloring. Up to the first the palette is taken to
invert light and dark, from the second on to keep them."""
_DARKEST = 1e-4
_LEAST_DEVIATION = 0.1
"""Least standard deviation of the luma in a palette. A sheet of paper or a single color has less,
and would leave nothing of the photograph's light and dark."""
_HALVINGS = 30


@dataclass(frozen=True, eq=False)
class Coloring:
    """What recoloring a photograph depends on; frames of one scene share it."""

    given: ColorMoments
    """Moments of the photograph's colors."""
    lumas: Tensor
    """Quantiles of its luma."""
    by_hue: bool
    """Whether chroma decides more than luma, so that a light blue sky gets the painting's dark blue
    and not its light yellow. Not in photographs with faces, whose grays would become blotchy."""

    @classmethod
    def of(cls, pixels: Tensor, *, faces: bool) -> "Coloring":
        """Measure a photograph [3, H, W], with faces or without.

        Bars or any other plain border are left out, as they would make it pale or dark.
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
    """Recolor a photograph [3, H, W] to palettes.

    Colors get the palettes' means and covariances by the linear Monge-Kantorovitch map. With
    `by_hue` that map could turn dark parts gray, and send lamps far beyond white. So the luma
    follows a tone curve instead, unless the palette inverts light and dark.

    Args:
        photograph: sRGB in 0..1.
        parts: weight, palette, and mask [H, W] of where it applies; None for everywhere. Where none
            applies, the photograph stays.
        share: how far to go from the photograph to the palettes, 0..1.
        coloring: of this photograph, or of another one of the same scene.
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
    given, wanted = coloring.given, _with_light_and_dark(wanted)
    matrix = monge_kantorovitch_map(given, wanted, _OPPONENT if coloring.by_hue else None)
    moved = mapped(photograph, matrix, given, wanted)
    if not coloring.by_hue:
        return moved.clamp(0, 1)
    kept = (_luma_correlation(given.covariance, matrix) - _TURNED) / (_KEPT - _TURNED)
    kept = min(1.0, max(0.0, kept))
    if not kept:
        return moved.clamp(0, 1)
    luma = torch.tensor(LUMA, dtype=torch.float64)
    mean, deviation = float(luma @ wanted.mean), float(luma @ wanted.covariance @ luma) ** 0.5
    tone = ToneCurve.to(coloring.lumas, mean, deviation)
    change = tone.of(luminance(photograph)).sub_(luminance(moved))
    return moved.add_(change, alpha=kept).clamp_(0, 1)


def _with_light_and_dark(palette: ColorMoments) -> ColorMoments:
    """The palette, with some variation of light where it has next to none."""
    luma = torch.tensor(LUMA, dtype=torch.float64)
    missing = _LEAST_DEVIATION**2 - float(luma @ palette.covariance @ luma)
    if missing <= 0:
        return palette
    return ColorMoments(palette.mean, palette.covariance + missing)


def _luma_correlation(covariance: Tensor, matrix: Tensor) -> float:
    """Correlation of the luma before and after a map of colours; 0 for a flat picture."""
    luma = torch.tensor(LUMA, dtype=torch.float64)
    after = luma @ matrix
    variances = (luma @ covariance @ luma) * (after @ covariance @ after)
    return float(luma @ covariance @ after / variances.sqrt()) if float(variances) > 0 else 0.0


@dataclass(frozen=True)
class ToneCurve:
    """A monotonic tone curve of the luma: a gamma, then contrast around the middle.

    Nothing leaves 0..1; black and white stay unless contrast is reduced.
    """

    gamma: float
    middle: float
    contrast: float

    @classmethod
    def to(cls, lumas: Tensor, mean: float, deviation: float) -> "ToneCurve":
        """The curve that brings lumas near to a mean and a deviation.

        Within limits, as steeper curves would amplify the noise of dark parts.
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
        """Apply the curve to lumas in 0..1."""
        risen = luma.clamp(_DARKEST, 1) ** self.gamma
        up = ((risen - self.middle) / max(1 - self.middle, _DARKEST)).clamp(min=0)
        down = ((self.middle - risen) / self.middle).clamp(min=0)
        return self.middle + (1 - self.middle) * self._spread(up) - self.middle * self._spread(down)

    def _spread(self, share: Tensor) -> Tensor:
        """The contrast curve on one side of the middle, over distances from it in 0..1."""
        more = self.contrast
        return more * share / (1 + (more - 1) * share) if more > 1 else more * share
