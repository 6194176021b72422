"""Distances between whole distributions, of colors and of features, instead of Gram matrices.

Of pictures [1, 3, H, W] in sRGB 0..1 and of features [1, C, h, w]; 0 is the least, less is nearer.
"""

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from torch import Tensor

_BINS = 64
_REACH = 3.0
_SOFTNESS = 0.02
_MOST_COLORS = 1 << 14
_LEAST_LEVEL = 1 / 255
_DIRECTIONS = 128
_QUANTILES = 256
_MOST_PLACES = 1024


def palette_distance(result: Tensor, style: Tensor) -> float:
    """Hellinger distance of RGB-uv histograms, 0..1 (HistoGAN: Afifi et al., 2021, eq. 1 to 4).

    Each color counts by its brightness at its two log-chroma, once about each of red, green and
    blue, with an inverse-quadratic kernel of τ = 0.02 into 64 × 64 bins of −3..3.
    """
    found, wanted = _chroma_histogram(result), _chroma_histogram(style)
    return float((found.sqrt() - wanted.sqrt()).square().sum().div(2).sqrt())


def sliced_wasserstein(result: Tensor, style: Tensor) -> float:
    """Sliced 2-Wasserstein distance, in the style's own deviations (Heitz et al., 2021).

    Along 128 fixed directions, between quantiles. 1 is as far as the style's features reach.
    """
    generator = torch.Generator().manual_seed(0)
    turns = torch.randn(_DIRECTIONS, style.shape[1], generator=generator).to(style.device)
    turns = F.normalize(turns, dim=1)
    found, wanted = turns @ _places(result).T, turns @ _places(style).T
    ranks = torch.linspace(0, 1, _QUANTILES, device=style.device)
    apart = torch.quantile(found, ranks, dim=1) - torch.quantile(wanted, ranks, dim=1)
    spread = wanted.var(1, unbiased=False).mean().clamp(min=1e-12)
    return float((apart.square().mean() / spread).sqrt())


def nearest_neighbors(result: Tensor, style: Tensor) -> tuple[float, float]:
    """Distances to nearest neighbors in both directions: missing and foreign features.

    Cosine distances about the style's mean, averaged over at most 1,024 fixed positions: from the
    style's features to the nearest of the result (what the picture lacks of the painting), and from
    the result's to the nearest of the style (what it has besides).
    """
    found, wanted = _places(result), _places(style)
    center = wanted.mean(0)
    found, wanted = F.normalize(found - center, dim=1), F.normalize(wanted - center, dim=1)
    apart = 1 - wanted @ found.T
    return float(apart.amin(1).mean()), float(apart.amin(0).mean())


def _chroma_histogram(picture: Tensor) -> Tensor:
    colors = _thinned(picture[0].flatten(1).T, _MOST_COLORS).float()
    weight = colors.square().sum(1).sqrt()
    logs = colors.clamp(min=_LEAST_LEVEL).log()
    bins = torch.linspace(-_REACH, _REACH, _BINS, device=colors.device)
    parts = []
    for one, second, third in ((0, 1, 2), (1, 0, 2), (2, 0, 1)):
        across, along = (
            1 / (1 + ((logs[:, one] - logs[:, other])[:, None] - bins).div(_SOFTNESS).square())
            for other in (second, third)
        )
        parts.append((across * weight[:, None]).T @ along)
    histogram = torch.stack(parts)
    return histogram / histogram.sum().clamp(min=1e-12)


def _places(features: Tensor) -> Tensor:
    """[places, channels] of at most 1,024 places, always the same of pictures of one size."""
    return _thinned(features[0].flatten(1).T, _MOST_PLACES).float()


def _thinned(rows: Tensor, most: int) -> Tensor:
    if rows.shape[0] <= most:
        return rows
    generator = torch.Generator().manual_seed(0)
    chosen = torch.randperm(rows.shape[0], generator=generator)[:most].sort().values
    return rows[chosen.to(rows.device)]
