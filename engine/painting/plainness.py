"""Content of a photograph that shows next to nothing weighs less.

The content loss is relative to the power of the photograph's features. A wall, a sheet of paper, a
smooth sky or two words on white have only a part of the usual power, so what little there is would
weigh many times as much, and hold the painting back everywhere.
"""

from collections.abc import Collection, Mapping

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from torch import Tensor

from engine.networks.encoder import Encoder
from engine.painting.contrast import SIDE_PX, contrast, reduced
from engine.painting.picture import Size
from engine.painting.terms.content_targets import ContentTargets

_CONTRAST = 0.035
"""Root mean square of the gradient from which on nothing is measured; a photograph has more."""
_ENOUGH = 0.8
"""Power of the features, relative to the reference's, that is enough for the full weight."""
_LEAST = 0.02
_DEVIATION, _MEAN = 0.2, 0.45
"""Standard deviation and mean of the reference, in each channel."""


def is_plain(photograph: Tensor) -> bool:
    """Whether a photograph [3, H, W] in 0..1 shows so little that its content may weigh less."""
    return contrast(photograph) < _CONTRAST


def content_shares(
    encoder: Encoder, target: Tensor, layers: Collection[str]
) -> Mapping[str, float]:
    """Factors of the content layers' weights for a plain photograph: 1, or less.

    That is (p / 0.8 q)², within 0.02 and 1, of the power p of the target's features and the power
    q of those of smooth noise. Ordinary photographs have more power than that noise, in each layer
    and with each network.

    Args:
        encoder: the network.
        target: the content target, [3, H, W] in 0..1.
        layers: those of the content.
    """
    power = _power(encoder, reduced(target), layers)
    usual = _power(encoder, _smooth_noise((96, SIDE_PX)), layers)
    relative = {name: power[name] / max(_ENOUGH * usual[name], 1e-12) for name in layers}
    return {name: min(1.0, max(_LEAST, found**2)) for name, found in relative.items()}


def _power(encoder: Encoder, pixels: Tensor, layers: Collection[str]) -> Mapping[str, float]:
    """Mean squares of the features."""
    picture = pixels[None].to(encoder.device)
    return ContentTargets.of_whole(encoder, picture, layers).mean_square


def _smooth_noise(size: Size) -> Tensor:
    """[3, *size] gray in 0..1: octaves of noise, each as strong, down to two pixels."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.zeros(size)
    for octave in range(1, 7):
        coarse = [max(2, side >> octave) for side in size]
        drawn = torch.randn(1, 1, *coarse, generator=generator)
        noise += F.interpolate(drawn, size, mode="bicubic", align_corners=False)[0, 0]
    return (_MEAN + _DEVIATION * noise / noise.std()).clamp(0, 1).expand(3, -1, -1)
