"""The loss of one scale, and its gradient, of the whole picture at once or tile by tile.

The style loss sees only moments of the features over the whole picture. So a tiled gradient is
exact: a first pass, without gradients, sums the tiles' moments; the loss' slopes with respect
to them then stand for the rest of the picture, when each tile is differentiated alone.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from torch import Tensor

from engine.networks.encoder import Encoder
from engine.painting.content import ContentTargets
from engine.painting.losses import (
    GaussianTarget,
    content_error,
    gram_distance,
    moments,
    variation,
    wasserstein_distance,
)
from engine.painting.picture import Size
from engine.painting.statistics import LayerMoments, sum_of
from engine.painting.tiles import Region, Tiling

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


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Loss and gradient at a picture; all on the device, nothing read yet."""

    loss: Tensor
    style: Tensor
    content: Tensor
    tv: Tensor
    gradient: Tensor


def evaluate(
    objective: Objective,
    picture: Tensor,
    tiling: Tiling | None = None,
    check: Callable[[], None] | None = None,
) -> Evaluation:
    """Loss and gradient of a picture [1, 3, H, W].

    Args:
        objective: what to judge by.
        picture: a leaf or not; it is not changed.
        tiling: None for the whole picture at once.
        check: called before each tile; it may raise to stop.
    """
    shown = objective.shown(picture.detach())
    if tiling is None:
        found = _evaluate_whole(objective, shown)
    else:
        found = _evaluate_tiled(objective, shown, tiling, check or _never)
    if objective.untouched is not None:
        found.gradient.mul_(objective.untouched[1])
    return found


def _evaluate_whole(objective: Objective, shown: Tensor) -> Evaluation:
    whole = Region(0, objective.size[0], 0, objective.size[1])
    leaf = shown.detach().requires_grad_()
    with torch.enable_grad():
        features = _features(objective, leaf, objective.layers())
        places = {
            place: _moments_in(objective, features[place[0]], place, whole)
            for place in objective.places()
        }
        style = _style_loss(objective, places, leaf)
        content = _content_loss(objective, features, whole, leaf)
        tv = (
            variation(leaf).sum() * objective.tv_weight
            if objective.tv_weight
            else leaf.new_zeros(())
        )
        loss = style + content + tv
    gradient = _gradient(loss, leaf)
    return Evaluation(loss.detach(), style.detach(), content.detach(), tv.detach(), gradient)


def _evaluate_tiled(
    objective: Objective, shown: Tensor, tiling: Tiling, check: Callable[[], None]
) -> Evaluation:
    style, slopes = _style_slopes(objective, shown, tiling, check)
    gradient = torch.empty_like(shown)
    content, tv = shown.new_zeros(()), shown.new_zeros(())
    for core in tiling.cores():
        check()
        window = tiling.for_gradient(core)
        leaf = window.of(shown).clone().requires_grad_()
        with torch.enable_grad():
            features = _features(objective, leaf, objective.layers())
            # Linear in the moments: its slope is that of the style loss of the whole picture.
            stand_in = leaf.new_zeros(())
            for place, slope in slopes.items():
                part = _moments_in(objective, features[place[0]], place, window)
                stand_in = (
                    stand_in + (part.second * slope.second).sum() + (part.mean * slope.mean).sum()
                )
            content_all, content_core = _content_parts(objective, features, window, core, leaf)
            change = variation(leaf) * objective.tv_weight
            loss = stand_in + content_all + change.sum()
        own = core.inside(window)
        core.of(gradient).copy_(own.of(_gradient(loss, leaf)))
        content += content_core
        tv += own.of(change.detach()).sum()
    return Evaluation(style + content + tv, style, content, tv, gradient)


def _style_slopes(
    objective: Objective, shown: Tensor, tiling: Tiling, check: Callable[[], None]
) -> tuple[Tensor, dict[Place, LayerMoments]]:
    """The style loss of the whole picture, and its slopes with respect to the moments."""
    places = objective.places()
    if not places:
        return shown.new_zeros(()), {}
    found: dict[Place, LayerMoments] = {}
    layers = list(dict.fromkeys(layer for layer, _ in places))
    for core in tiling.cores():
        check()
        window = tiling.for_features(core)
        with torch.no_grad():
            features = _features(objective, window.of(shown), layers)
            for place in places:
                stride = objective.encoder.stride_px(place[0])
                own = core.inside(window).at_stride(stride).of(features[place[0]])
                part = _moments_in(objective, own, place, core)
                known = found.get(place)
                found[place] = (
                    part
                    if known is None
                    else LayerMoments(known.second.add_(part.second), known.mean.add_(part.mean))
                )
            del features
    leaves = [tensor for part in found.values() for tensor in (part.second, part.mean)]
    for leaf in leaves:
        leaf.requires_grad_()
    with torch.enable_grad():
        style = _style_loss(objective, found, shown)
    slopes = torch.autograd.grad(style, leaves, allow_unused=True, materialize_grads=True)
    pairs = zip(slopes[::2], slopes[1::2], strict=True)
    return style.detach(), {
        place: LayerMoments(second, mean)
        for place, (second, mean) in zip(found, pairs, strict=True)
    }


def guide_at(mask: Tensor, region: Region, stride: int) -> Tensor:
    """The part of a mask over a region, averaged to features `stride` pixels apart."""
    part = region.of(mask)
    return F.avg_pool2d(part[None, None], stride)[0, 0] if stride > 1 else part


def _moments_in(
    objective: Objective, features: Tensor, place: Place, region: Region
) -> LayerMoments:
    layer, number = place
    mask = objective.guides[number]
    if mask is None:
        return moments(features, None, objective.totals[place])
    stride = objective.encoder.stride_px(layer)
    return moments(features, guide_at(mask, region, stride), objective.totals[place])


def _style_loss(objective: Objective, places: dict[Place, LayerMoments], like: Tensor) -> Tensor:
    losses = [term.loss(places[term.layer, term.guide]) for term in objective.style]
    return sum_of(losses) if losses else like.new_zeros(())


def _content_loss(
    objective: Objective, features: dict[str, Tensor], region: Region, like: Tensor
) -> Tensor:
    return _content_parts(objective, features, region, region, like)[0]


def _content_parts(
    objective: Objective, features: dict[str, Tensor], window: Region, core: Region, like: Tensor
) -> tuple[Tensor, Tensor]:
    """The content loss over the window, to differentiate, and over the core, to report."""
    everywhere, inside = like.new_zeros(()), like.new_zeros(())
    for term in objective.content:
        stride = objective.encoder.stride_px(term.layer)
        target = objective.targets.part(term.layer, window.at_stride(stride))
        error = content_error(features[term.layer], target)
        everywhere = everywhere + term.weight * error.sum()
        if core is not window:
            own = core.inside(window).at_stride(stride).of(error.detach())
            inside = inside + term.weight * own.sum()
    return everywhere, inside


def _features(objective: Objective, part: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
    return objective.encoder.features(part, layers) if layers else {}


def _gradient(loss: Tensor, leaf: Tensor) -> Tensor:
    if not loss.requires_grad:
        return torch.zeros_like(leaf)
    (gradient,) = torch.autograd.grad(loss, leaf)
    return gradient


def _never() -> None:
    """Nothing to check."""
