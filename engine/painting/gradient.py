"""Loss and gradient of a picture, of the whole at once or tile by tile; both exact.

The style loss sees only moments of the features over the whole picture. So a first pass, without
gradients, sums the tiles' moments, and the loss' slopes with respect to them then stand for the
rest of the picture: with them a tile knows the slopes of its own features. The second pass takes
these back to the pixels, tile by tile, and adds them up where windows overlap. As each feature
has one owner, the sum is the gradient of the whole.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.painting.losses import content_difference, moments_slope, variation
from engine.painting.objective import Objective, Place
from engine.painting.statistics import LayerMoments
from engine.painting.tiles import Region, Tiling


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
        found = _of_whole(objective, shown)
    else:
        found = _of_tiles(objective, shown, tiling, check or _never)
    if objective.untouched is not None:
        found.gradient.mul_(objective.untouched[1])
    return found


def _of_whole(objective: Objective, shown: Tensor) -> Evaluation:
    whole = Region(0, objective.size[0], 0, objective.size[1])
    nothing = shown.new_zeros(())
    with torch.enable_grad():
        leaf = shown.detach().requires_grad_()
        layers = objective.layers()
        features = objective.encoder.features(leaf, layers) if layers else {}
        found = {
            place: objective.moments_in(features[place[0]], place, whole)
            for place in objective.places()
        }
        loss = objective.style_loss(found)
        style = nothing if loss is None else loss
        content = nothing
        for term in objective.content:
            region = whole.at_stride(objective.encoder.stride_px(term.layer))
            target = objective.targets.part(term.layer, region)
            difference = content_difference(features[term.layer], target)
            content = content + term.weight * difference.square().sum()
        tv = variation(leaf).sum() * objective.tv_weight if objective.tv_weight else nothing
        total = style + content + tv
    gradient = (
        torch.autograd.grad(total, leaf)[0] if total.requires_grad else torch.zeros_like(leaf)
    )
    return Evaluation(total.detach(), style.detach(), content.detach(), tv.detach(), gradient)


def _of_tiles(
    objective: Objective, shown: Tensor, tiling: Tiling, check: Callable[[], None]
) -> Evaluation:
    style, slopes = _style_slopes(objective, shown, tiling, check)
    gradient = torch.zeros_like(shown)
    content, tv = shown.new_zeros(()), shown.new_zeros(())
    for core in tiling.cores():
        check()
        if objective.tv_weight:
            tv += _add_variation(objective, shown, core, gradient)
        window = tiling.window(core)
        with torch.enable_grad():
            leaf = window.of(shown).clone().requires_grad_()
            features = objective.encoder.features(leaf, objective.layers())
        found, part = _feature_slopes(objective, features, slopes, window, core)
        (back,) = torch.autograd.grad(list(features.values()), leaf, list(found.values()))
        window.of(gradient).add_(back)
        content += part
    return Evaluation(style + content + tv, style, content, tv, gradient)


def _style_slopes(
    objective: Objective, shown: Tensor, tiling: Tiling, check: Callable[[], None]
) -> tuple[Tensor, dict[Place, LayerMoments]]:
    """The style loss of the whole picture, and its slopes with respect to the moments."""
    places = objective.places()
    found: dict[Place, LayerMoments] = {}
    layers = list(dict.fromkeys(layer for layer, _ in places))
    for core in tiling.cores() if layers else ():
        check()
        window = tiling.window(core)
        with torch.no_grad():
            features = objective.encoder.features(window.of(shown), layers)
            for place in places:
                stride = objective.encoder.stride_px(place[0])
                own = core.inside(window).at_stride(stride).of(features[place[0]])
                part = objective.moments_in(own, place, core)
                known = found.get(place)
                found[place] = (
                    part
                    if known is None
                    else LayerMoments(known.second.add_(part.second), known.mean.add_(part.mean))
                )
            del features
    leaves = [tensor for part in found.values() for tensor in (part.second, part.mean)]
    with torch.enable_grad():
        for leaf in leaves:
            leaf.requires_grad_()
        style = objective.style_loss(found)
    if style is None:
        return shown.new_zeros(()), {}
    slopes = torch.autograd.grad(style, leaves, allow_unused=True, materialize_grads=True)
    pairs = zip(slopes[::2], slopes[1::2], strict=True)
    return style.detach(), {
        place: LayerMoments(second, mean)
        for place, (second, mean) in zip(found, pairs, strict=True)
    }


@torch.no_grad()
def _feature_slopes(
    objective: Objective,
    features: Mapping[str, Tensor],
    slopes: Mapping[Place, LayerMoments],
    window: Region,
    core: Region,
) -> tuple[dict[str, Tensor], Tensor | float]:
    """The loss' slopes at a window's features, zero but for the core's; the core's content loss."""
    found = {name: torch.zeros_like(layer) for name, layer in features.items()}
    loss: Tensor | float = 0.0
    for (name, guide), slope in slopes.items():
        own = core.inside(window).at_stride(objective.encoder.stride_px(name))
        place = (name, guide)
        own.of(found[name]).add_(
            moments_slope(
                own.of(features[name]),
                objective.guide(place, core),
                objective.totals[place],
                slope,
            )
        )
    for term in objective.content:
        stride = objective.encoder.stride_px(term.layer)
        own = core.inside(window).at_stride(stride)
        target = objective.targets.part(term.layer, core.at_stride(stride))
        difference = content_difference(own.of(features[term.layer]), target)
        loss = loss + term.weight * difference.square().sum()
        own.of(found[term.layer]).add_(difference.mul_(2 * term.weight))
    return found, loss


def _add_variation(objective: Objective, shown: Tensor, core: Region, gradient: Tensor) -> Tensor:
    """The variation at the core's pixels; its gradient is added to the whole picture's."""
    window = core.grown(1, objective.size)
    with torch.enable_grad():
        leaf = window.of(shown).clone().requires_grad_()
        loss = core.inside(window).of(variation(leaf)).sum() * objective.tv_weight
    (back,) = torch.autograd.grad(loss, leaf)
    window.of(gradient).add_(back)
    return loss.detach()


def _never() -> None:
    """Nothing to check."""
