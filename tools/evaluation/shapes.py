"""How much of the photograph's shapes a picture has kept, whatever its colors.

Of pictures [1, 3, H, W] in sRGB 0..1 and of features [1, C, h, w]; 0 is the least, less is nearer.
"""

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from torch import Tensor

from engine.painting.color import luminance

_MOST_SIDE = 32
_SSIM_SIGMA, _SSIM_RADIUS = 1.5, 5
_SSIM_CONSTANTS = (0.01**2, 0.03**2)
_EDGE_SIGMA, _EDGE_RADIUS = 2.0, 6


def structure_distance(found: Tensor, wanted: Tensor) -> float:
    """Self-similarity's mean absolute difference, in parts of the photograph's mean.

    As in STROTSS (Kolkin et al., 2019, eq. 7), `D_ij = 1 − cos(F_i, F_j)` over all pairs of places,
    features averaged to at most 32 × 32 places and taken about their mean.
    """
    reference, other = _cosine_distances(wanted), _cosine_distances(found)
    return float((other - reference).abs().mean() / reference.mean().clamp(min=1e-6))


def ssim_distance(result: Tensor, content: Tensor) -> float:
    """1 − SSIM of the luma (Wang et al., 2004): Gaussian windows of σ = 1.5, 11 pixels wide."""
    x, y = luminance(result).float(), luminance(content).float()
    mean_x, mean_y = (_blurred(one, _SSIM_SIGMA, _SSIM_RADIUS) for one in (x, y))
    var_x = _blurred(x * x, _SSIM_SIGMA, _SSIM_RADIUS) - mean_x.square()
    var_y = _blurred(y * y, _SSIM_SIGMA, _SSIM_RADIUS) - mean_y.square()
    both = _blurred(x * y, _SSIM_SIGMA, _SSIM_RADIUS) - mean_x * mean_y
    first, second = _SSIM_CONSTANTS
    above = (2 * mean_x * mean_y + first) * (2 * both + second)
    below = (mean_x.square() + mean_y.square() + first) * (var_x + var_y + second)
    return float(1 - (above / below).mean())


def edge_distance(result: Tensor, content: Tensor) -> float:
    """1 − agreement of edges, by place and direction, whichever side is the brighter.

    The agreement is the cosine between the two fields of `g gᵀ / |g|`, g the gradient of the luma,
    smoothed by σ = 2 pixels.
    """
    found, wanted = _edge_field(result), _edge_field(content)
    size = torch.linalg.vector_norm(found) * torch.linalg.vector_norm(wanted)
    return float(1 - (found * wanted).sum() / size.clamp(min=1e-12))


def places_about_mean(features: Tensor, most_side: int) -> Tensor:
    """[places, channels] of length 1, averaged to at most that many places along a side.

    Rectified features all point the same way; about their mean the cosines tell places apart.
    """
    height, width = features.shape[2:]
    factor = min(1.0, most_side / max(height, width))
    size = (max(1, round(height * factor)), max(1, round(width * factor)))
    places = F.adaptive_avg_pool2d(features.float(), size)[0].flatten(1).T
    return F.normalize(places - places.mean(0), dim=1)


def _cosine_distances(features: Tensor) -> Tensor:
    places = places_about_mean(features, _MOST_SIDE)
    return 1 - places @ places.T


def _edge_field(picture: Tensor) -> Tensor:
    luma = F.pad(luminance(picture).float(), (1, 1, 1, 1), mode="replicate")
    across = (luma[..., 1:-1, 2:] - luma[..., 1:-1, :-2]) / 2
    along = (luma[..., 2:, 1:-1] - luma[..., :-2, 1:-1]) / 2
    size = torch.sqrt(across.square() + along.square()).clamp(min=1e-6)
    # The field's three numbers, the mixed one counting for both of its places.
    parts = torch.cat(
        [across.square() / size, along.square() / size, across * along / size * 2**0.5]
    )
    return _blurred(parts, _EDGE_SIGMA, _EDGE_RADIUS)


def _blurred(planes: Tensor, sigma: float, radius: int) -> Tensor:
    """[N, 1, H, W] under a Gaussian; the border repeats."""
    steps = torch.arange(-radius, radius + 1, device=planes.device, dtype=planes.dtype)
    taps = torch.exp(-steps.square() / (2 * sigma**2))
    taps = taps / taps.sum()
    padded = F.pad(planes, (radius, radius, radius, radius), mode="replicate")
    return F.conv2d(F.conv2d(padded, taps.view(1, 1, 1, -1)), taps.view(1, 1, -1, 1))
