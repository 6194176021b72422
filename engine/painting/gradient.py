"""Loss and gradient of a picture, of the whole at once or tile by tile; both exact.

The style loss sees only moments of the features over the whole picture. They are summed up first,
tile by tile without gradients; the loss' slopes with respect to them then stand for the rest of
the picture: with them a tile knows the slopes of its own features. Tile by tile these are taken
back to the pixels, and added up where windows overlap. As each feature has one owner, the sum is
the gradient of the whole. A whole picture is one tile, seen once.

A layer's slopes are made when the way back arrives at it, not before: of all that is held at a
time, the features themselves take most.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.painting.losses import add_moments_slope, content_difference, variation
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

    def figures(self) -> Tensor:
        """Loss, style, content, variation and the gradient's greatest number.

        That is not finite if any of the gradient's is not.
        """
        steepest = torch.linalg.vector_norm(self.gradient, math.inf)
        return torch.stack([self.loss, self.style, self.content, self.tv, steepest])


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
    seen = _seen(objective, shown, whole, whole)
    found = {
        place: objective.moments_in(seen.features[place[0]].detach(), place, whole)
        for place in objective.places()
    }
    style, slopes = _style_slopes(objective, found, shown)
    gradient, content = _pulled_back(objective, seen, slopes)
    del seen
    tv = _add_variation(objective, shown, whole, gradient)
    return Evaluation(style + content + tv, style, content, tv, gradient)


def _of_tiles(
    objective: Objective, shown: Tensor, tiling: Tiling, check: Callable[[], None]
) -> Evaluation:
    style, slopes = _style_slopes(objective, _moments(objective, shown, tiling, check), shown)
    gradient = torch.zeros_like(shown)
    content, tv = shown.new_zeros(()), shown.new_zeros(())
    for core in tiling.cores():
        check()
        window = tiling.window(core)
        seen = _seen(objective, window.of(shown).clone(), window, core)
        back, part = _pulled_back(objective, seen, slopes)
        del seen
        window.of(gradient).add_(back)
        content += part
        tv += _add_variation(objective, shown, core, gradient)
    return Evaluation(style + content + tv, style, content, tv, gradient)


@dataclass(frozen=True, eq=False)
class _Seen:
    """A window's pixels and features, of which the core's are the tile's own."""

    window: Region
    core: Region
    pixels: Tensor
    features: Mapping[str, Tensor]


def _seen(objective: Objective, pixels: Tensor, window: Region, core: Region) -> _Seen:
    layers = objective.layers()
    with torch.enable_grad():
        leaf = pixels.detach().requires_grad_()
        features = objective.encoder.features(leaf, layers) if layers else {}
    return _Seen(window, core, leaf, features)


@torch.no_grad()
def _moments(
    objective: Objective, shown: Tensor, tiling: Tiling, check: Callable[[], None]
) -> dict[Place, LayerMoments]:
    """The moments of the whole picture, tile by tile."""
    places = objective.places()
    found: dict[Place, LayerMoments] = {}
    layers = list(dict.fromkeys(layer for layer, _ in places))
    for core in tiling.cores() if layers else ():
        check()
        window = tiling.window(core)
        features = objective.encoder.features(window.of(shown), layers)
        for place in places:
            own = core.inside(window).at_stride(objective.encoder.stride_px(place[0]))
            part = objective.moments_in(own.of(features[place[0]]), place, core)
            known = found.get(place)
            found[place] = part if known is None else known.plus(part)
        del features
    return found


def _style_slopes(
    objective: Objective, found: Mapping[Place, LayerMoments], like: Tensor
) -> tuple[Tensor, dict[Place, LayerMoments]]:
    """The style loss of the whole picture, and its slopes with respect to the moments."""
    leaves = [tensor for part in found.values() for tensor in (part.second, part.mean)]
    with torch.enable_grad():
        for leaf in leaves:
            leaf.requires_grad_()
        style = objective.style_loss(found)
    if style is None:
        return like.new_zeros(()), {}
    slopes = torch.autograd.grad(style, leaves, allow_unused=True, materialize_grads=True)
    pairs = zip(slopes[::2], slopes[1::2], strict=True)
    return style.detach(), {
        place: LayerMoments(second, mean)
        for place, (second, mean) in zip(found, pairs, strict=True)
    }


def _pulled_back(
    objective: Objective, seen: _Seen, slopes: Mapping[Place, LayerMoments]
) -> tuple[Tensor, Tensor]:
    """The core's features' part in the gradient of the window's pixels, and in the content loss."""
    loss, core = seen.pixels.new_zeros(()), seen.core
    if not seen.features:
        return torch.zeros_like(seen.pixels), loss

    def with_own(name: str, layer: Tensor) -> Callable[[Tensor], Tensor]:
        stride = objective.encoder.stride_px(name)
        own, place = core.inside(seen.window).at_stride(stride), core.at_stride(stride)

        def added(gradient: Tensor) -> Tensor:
            made = torch.empty_like(layer)
            mine, here = own.of(made), own.of(layer)
            fresh = mine.shape == made.shape and not any(gradient.stride()) and name in styled
            if not fresh:
                made.copy_(gradient)
            for (of, guide), slope in slopes.items():
                if of == name:
                    where = objective.guide((of, guide), core)
                    total = objective.totals[of, guide]
                    add_moments_slope(mine, here, where, total, slope, fresh=fresh)
                    fresh = False
            for term in objective.content:
                if term.layer == name:
                    difference = content_difference(here, objective.targets.part(name, place))
                    loss.add_(term.weight * difference.square().sum())
                    mine.add_(difference.mul_(2 * term.weight))
            return made

        return added

    styled = {name for name, _ in slopes}
    layers = list(seen.features.values())
    for name, layer in seen.features.items():
        layer.register_hook(with_own(name, layer.detach()))  # type: ignore[no-untyped-call]
    # Nothing of its own, but it brings each layer's hook about; where no other slope arrives there,
    # it arrives as it is: one number for all, which needs no copy.
    nothing = [layer.new_zeros(()).expand_as(layer) for layer in layers]
    (back,) = torch.autograd.grad(layers, seen.pixels, nothing)
    return back, loss


def _add_variation(objective: Objective, shown: Tensor, core: Region, gradient: Tensor) -> Tensor:
    """The variation at the core's pixels; its gradient is added to the whole picture's."""
    if not objective.tv_weight:
        return shown.new_zeros(())
    window = core.grown(1, objective.size)
    own = core.inside(window)
    rows, columns = slice(own.top, own.bottom), slice(own.left, own.right)
    loss, slope = variation(window.of(shown), rows, columns)
    window.of(gradient).add_(slope, alpha=objective.tv_weight)
    return loss * objective.tv_weight


def _never() -> None:
    """Nothing to check."""
