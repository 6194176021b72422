"""What a picture of one size is judged by: its terms, targets and masks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from torch import Tensor

from engine.networks.encoder import Encoder
from engine.painting.content import ContentTargets
from engine.painting.losses import GaussianTarget, gram_distance, moments, wasserstein_distance
from engine.painting.picture import Size
from engine.painting.statistics import LayerMoments, sum_of
from engine.painting.tiles import Region

Place = tuple[str, int]
"""A layer and the number of the guide by which its positions count."""

_LEAST_TOTAL = 1e-6


@dataclass(frozen=True, eq=False)
class StyleTerm:
    """`weight` times the distance of a layer's moments, under a guide, to a target."""

    layer: str
    guide: int
    weight: Tensor
    target: LayerMoments | GaussianTarget

    def loss(self, found: LayerMoments) -> Tensor:
        """This term's part of the loss."""
        if isinstance(self.target, GaussianTarget):
            return self.weight * wasserstein_distance(found, self.target)
        return self.weight * gram_distance(found, self.target)


@dataclass(frozen=True, eq=False)
class ContentTerm:
    """`weight` times the squared differences of a layer's features, summed over all positions."""

    layer: str
    weight: Tensor


@dataclass(frozen=True, eq=False)
class Objective:
    """What a picture of one size is judged by.

    Attributes:
        encoder: the network.
        size: of the picture.
        style: terms of the style loss.
        content: terms of the content loss.
        targets: the content's features.
        tv_weight: of the variation, summed over all pixels.
        guides: masks [H, W] by which the features count for a style; None counts all.
        untouched: where a picture is to stay the photograph: the photograph [1, 3, H, W] and
            the mask [H, W] of what may be painted.
    """

    encoder: Encoder
    size: Size
    style: Sequence[StyleTerm]
    content: Sequence[ContentTerm]
    targets: ContentTargets
    tv_weight: float
    guides: Sequence[Tensor | None] = (None,)
    untouched: tuple[Tensor, Tensor] | None = None

    def layers(self) -> list[str]:
        """All layers in use, shallow to deep."""
        used = {term.layer for term in self.style} | {term.layer for term in self.content}
        return [name for name in self.encoder.layers if name in used]

    def places(self) -> list[Place]:
        """Where moments are needed."""
        return list(dict.fromkeys((term.layer, term.guide) for term in self.style))

    @cached_property
    def totals(self) -> dict[Place, float]:
        """How many positions count at each place, each by its guide."""
        found: dict[Place, float] = {}
        height, width = self.size
        for layer, number in self.places():
            stride = self.encoder.stride_px(layer)
            mask = self.guides[number]
            total = float((height // stride) * (width // stride))
            if mask is not None:
                whole = guide_at(mask, Region(0, height, 0, width), stride)
                total = max(float(whole.cpu().sum(dtype=torch.float64)), _LEAST_TOTAL)
            found[layer, number] = total
        return found

    def shown(self, picture: Tensor) -> Tensor:
        """The picture with the photograph put back where nothing may be painted."""
        if self.untouched is None:
            return picture
        photograph, mask = self.untouched
        return torch.lerp(photograph, picture, mask)

    def guide(self, place: Place, region: Region) -> Tensor | None:
        """How much each feature of a region counts at a place; None where all count alike."""
        layer, number = place
        mask = self.guides[number]
        return None if mask is None else guide_at(mask, region, self.encoder.stride_px(layer))

    def moments_in(self, features: Tensor, place: Place, region: Region) -> LayerMoments:
        """What the features of a region add to a place's moments."""
        return moments(features, self.guide(place, region), self.totals[place])

    def style_loss(self, found: Mapping[Place, LayerMoments]) -> Tensor | None:
        """The whole style term, from the moments of all places; None where there is none."""
        losses = [term.loss(found[term.layer, term.guide]) for term in self.style]
        return sum_of(losses) if losses else None


def guide_at(mask: Tensor, region: Region, stride: int) -> Tensor:
    """The part of a mask over a region, averaged to features `stride` pixels apart."""
    part = region.of(mask)
    return F.avg_pool2d(part[None, None], stride)[0, 0] if stride > 1 else part
