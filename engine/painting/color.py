"""Keeping the photograph's colors (Gatys et al., Controlling Perceptual Factors, 2017, §5).

Pictures are float tensors [1, 3, H, W] of sRGB in 0..1. `prepare_style` is called for each style
before the transfer, `finish` for the result; which of them changes anything depends on the method.
At a strength of 0 neither does.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from common.options import KeepColors
from engine.painting.statistics import ColorMoments

LUMA = (0.2126, 0.7152, 0.0722)
# A color direction with less deviation (3 levels of 255) is noise, which must not be amplified.
_LEAST_DEVIATION = 3.0 / 255.0
_KNOTS = 513
_CELLS = 2048
_MOST_SAMPLES = 1 << 16
_TURNS = 8


def prepare_style(style: Tensor, content: Tensor, method: KeepColors, strength: float) -> Tensor:
    """The style with the content's colors, by the methods that recolor styles."""
    match method:
        case "no":
            return style
        case "luminance":
            return _mixed(style, gray_like(style, content), strength)
        case "match":
            return _mixed(style, match_moments(style, color_moments(content)), strength)
        case "histogram":
            return _mixed(style, match_histogram(style, content), strength)


def finish(painted: Tensor, content: Tensor, method: KeepColors, strength: float) -> Tensor:
    """The painting with the content's chroma, by the method `luminance`."""
    if method != "luminance":
        return painted
    return _mixed(painted, with_luminance(content, luminance(painted)), strength)


def luminance(picture: Tensor) -> Tensor:
    """Rec. 709 luma, [1, 1, H, W]."""
    weights = picture.new_tensor(LUMA).view(1, 3, 1, 1)
    return (picture * weights).sum(1, keepdim=True)


def with_luminance(picture: Tensor, luma: Tensor) -> Tensor:
    """The picture's chroma at another luma.

    Out of gamut, chroma is reduced at constant luma and hue, as clipping would change both.
    """
    luma = luma.clamp(0, 1)
    chroma = picture - luminance(picture)
    room = torch.where(chroma > 0, 1 - luma, luma)
    least = torch.finfo(picture.dtype).tiny
    share = (room / chroma.abs().clamp(min=least)).amin(1, keepdim=True).clamp(max=1)
    return (luma + share * chroma).clamp(0, 1)


def gray_like(style: Tensor, content: Tensor) -> Tensor:
    """The style's luma as a gray picture, with mean and deviation of the content's luma."""
    source, wanted = luminance(style), luminance(content)
    spread = source.std(unbiased=False)
    gain = wanted.std(unbiased=False) / spread.clamp(min=_LEAST_DEVIATION)
    matched = (source - source.mean()) * gain + wanted.mean()
    return matched.clamp(0, 1).expand_as(style).contiguous()


def color_moments(picture: Tensor) -> ColorMoments:
    """Mean and covariance of the colors of a picture."""
    colors = picture[0].flatten(1).float()
    mean = colors.mean(1, keepdim=True)
    centered = (colors - mean) / math.sqrt(colors.shape[1])
    return ColorMoments(mean[:, 0].cpu().double(), torch.mm(centered, centered.T).cpu().double())


def mixed_colors(parts: Sequence[tuple[float, ColorMoments]]) -> ColorMoments:
    """Moments of several pictures together; their shares are normalized to a sum of one."""
    total = sum(weight for weight, _ in parts)
    mean = torch.stack([one.mean * (weight / total) for weight, one in parts]).sum(0)
    seconds = [
        (one.covariance + torch.outer(one.mean, one.mean)) * (weight / total)
        for weight, one in parts
    ]
    second = torch.stack(seconds).sum(0)
    return ColorMoments(mean, second - torch.outer(mean, mean))


def match_moments(style: Tensor, wanted: ColorMoments) -> Tensor:
    """The style with the wanted mean and covariance, by the linear Monge-Kantorovitch map.

    Of all linear maps to these moments it moves colors least (Pitié and Kokaram, 2007, eq. 9):
    `A = Σ^-½ (Σ^½ Σ̂ Σ^½)^½ Σ^-½`. Eigenvalues of the style's Σ have a floor above those of noise,
    so the inverse exists, and a gray style stays gray instead of turning to noise.

    Args:
        style: the picture to recolor.
        wanted: the moments that it gets.
    """
    given = color_moments(style)
    return mapped(style, monge_kantorovitch_map(given, wanted), given, wanted).clamp(0, 1)


def match_histogram(style: Tensor, content: Tensor) -> Tensor:
    """The style with the content's three-dimensional distribution of colors.

    After matching moments, it matches one-dimensional histograms along rotated axes, again and
    again (Pitié, Kokaram and Dahyot, 2007), the last time along red, green and blue.
    """
    given, found = color_moments(style), color_moments(content)
    colors = mapped(style, monge_kantorovitch_map(given, found), given, found)[0].flatten(1)
    wanted = sample(content[0].flatten(1))
    for turn in _rotations(colors):
        colors = turn.T @ _match_axes(turn @ colors, turn @ wanted)
    return colors.view_as(style).clamp(0, 1)


def monge_kantorovitch_map(
    given: ColorMoments, wanted: ColorMoments, axes: Tensor | None = None
) -> Tensor:
    """The matrix [3, 3] by which colours get a covariance and are moved as little as can be.

    See `match_moments`. `axes` [3, 3] transforms RGB to the color space in which colors are moved
    least; None for RGB itself.
    """
    if axes is None:
        return _monge_kantorovitch(given.covariance, wanted.covariance)
    root, _ = _sqrtm_and_inverse(given.covariance)  # the floor of noise is in RGB
    there = (axes @ one @ axes.T for one in (root @ root, wanted.covariance))
    turn: Tensor = torch.linalg.inv(axes) @ _monge_kantorovitch(*there) @ axes
    return turn


def mapped(picture: Tensor, matrix: Tensor, given: ColorMoments, wanted: ColorMoments) -> Tensor:
    """Apply a color matrix that takes one mean to the other; the result may leave 0..1."""
    offset = wanted.mean - matrix @ given.mean
    here = matrix.to(device=picture.device, dtype=picture.dtype)
    moved = torch.einsum("ij,njhw->nihw", here, picture)
    return moved + offset.to(moved).view(1, 3, 1, 1)


def _monge_kantorovitch(given: Tensor, wanted: Tensor) -> Tensor:
    """The map [3, 3] from one covariance to another."""
    root, inverse = _sqrtm_and_inverse(given)
    return inverse @ sqrtm(root @ wanted @ root) @ inverse


def _mixed(before: Tensor, after: Tensor, strength: float) -> Tensor:
    return before if strength == 0 else torch.lerp(before, after, strength)


def _sqrtm_and_inverse(covariance: Tensor) -> tuple[Tensor, Tensor]:
    """Square root and inverse square root, with a floor under the eigenvalues."""
    values, vectors = torch.linalg.eigh(covariance)
    root = values.clamp(min=_LEAST_DEVIATION * _LEAST_DEVIATION).sqrt()
    return torch.mm(vectors * root, vectors.T), torch.mm(vectors / root, vectors.T)


def sqrtm(matrix: Tensor) -> Tensor:
    """Square root of a symmetric matrix; rounding may have made it slightly asymmetric."""
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
    return torch.mm(vectors * values.clamp(min=0).sqrt(), vectors.T)


def _rotations(like: Tensor) -> list[Tensor]:
    """Random rotations [3, 3], the same each time; the last is the identity."""
    generator = torch.Generator().manual_seed(0)
    turns = [
        torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64, generator=generator))[0]
        for _ in range(_TURNS)
    ]
    return [turn.to(like) for turn in (*turns, torch.eye(3, dtype=torch.float64))]


def sample(colors: Tensor) -> Tensor:
    """Evenly spaced colors [3, n] of colors [3, N], few enough to be sorted."""
    step = max(1, colors.shape[1] // _MOST_SAMPLES)
    return colors[:, ::step]


def _match_axes(colors: Tensor, wanted: Tensor) -> Tensor:
    few = sample(colors)
    return torch.stack(
        [
            _match_values(colors[axis], quantiles(few[axis]), quantiles(wanted[axis]))
            for axis in range(3)
        ]
    )


def quantiles(values: Tensor) -> Tensor:
    """Values at evenly spaced ranks, including minimum and maximum."""
    ordered = values.sort().values
    ranks = torch.linspace(0, ordered.numel() - 1, _KNOTS, device=values.device)
    low = ranks.floor().long()
    high = (low + 1).clamp(max=ordered.numel() - 1)
    return torch.lerp(ordered[low], ordered[high], (ranks - low).to(values.dtype))


def _match_values(values: Tensor, given: Tensor, wanted: Tensor) -> Tensor:
    """Histogram matching by quantiles, through a lookup table of evenly spaced values."""
    least, greatest = given[0], given[-1]
    shares = torch.linspace(0, 1, _CELLS + 1, device=values.device, dtype=values.dtype)
    table = _at_rank(least + shares * (greatest - least), given, wanted)
    width = (greatest - least).clamp(min=1e-6)
    place = ((values - least) / width * _CELLS).clamp(0, _CELLS)
    below = place.long().clamp(max=_CELLS - 1)
    return torch.lerp(table[below], table[below + 1], place - below)


def _at_rank(values: Tensor, given: Tensor, wanted: Tensor) -> Tensor:
    """The wanted value at each value's rank; a value with many ranks takes the middle one."""
    first = torch.searchsorted(given, values).clamp(max=_KNOTS - 1)
    last = (torch.searchsorted(given, values, right=True) - 1).clamp(0, _KNOTS - 1)
    low, high = torch.minimum(first, last), torch.maximum(first, last)
    gap = given[high] - given[low]
    within = torch.where(gap > 0, (values - given[low]) / gap.clamp(min=1e-12), 0.5)
    rank = low + within.clamp(0, 1) * (high - low)
    below = rank.long().clamp(max=_KNOTS - 2)
    return torch.lerp(wanted[below], wanted[below + 1], rank - below)
