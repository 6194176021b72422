"""Loss and gradient of a picture, of the whole at once or tile by tile; both exact.

Some terms, such as the style, see only sums of features over the whole picture. These are taken
first, tile by tile without gradients; the loss' slopes with respect to them then stand for the
rest of the picture: with them a tile knows the slopes of its own features. Tile by tile these are
taken back to the pixels, and added up where windows overlap. As each feature has one owner, the
sum is the gradient of the whole. A whole picture is one tile, seen once.

A layer's slopes are made when the way back arrives at it, not before: of all that is held at a
time, the features themselves take most.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from engine.painting.objective import Objective
from engine.painting.statistics import sum_of
from engine.painting.terms import OwnFeatures, Sums
from engine.painting.tiles import Region, Tiling


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Loss, its terms by name, and gradient at a picture; all on the device, nothing read yet."""

    loss: Tensor
    terms: Mapping[str, Tensor]
    gradient: Tensor

    def figures(self) -> dict[str, Tensor]:
        """The `total` loss, each term by its name, and the gradient's greatest number, `steepest`.

        That is not finite if any of the gradient's is not.
        """
        steepest = torch.linalg.vector_norm(self.gradient, math.inf)
        return {"total": self.loss, **self.terms, "steepest": steepest}


def evaluate(
    objective: Objective,
    picture: Tensor,
    tiling: Tiling | None = None,
    check: Callable[[], None] | None = None,
    halfway: Callable[[], None] | None = None,
) -> Evaluation:
    """Loss and gradient of a picture [1, 3, H, W].

    Args:
        objective: what to judge by.
        picture: a leaf or not; it is not changed.
        tiling: None for the whole picture at once.
        check: called before each tile; it may raise to stop.
        halfway: called between the way there and the way back of the whole picture or of a tile,
            of which either may take a second; it may raise to stop.
    """
    shown, halfway = objective.shown(picture.detach()), halfway or _never
    if tiling is None:
        found = _of_whole(objective, shown, halfway)
    else:
        found = _of_tiles(objective, shown, tiling, check or _never, halfway)
    if objective.untouched is not None:
        found.gradient.mul_(objective.untouched[1])
    return found


def _of_whole(objective: Objective, shown: Tensor, halfway: Callable[[], None]) -> Evaluation:
    whole = Region(0, objective.size[0], 0, objective.size[1])
    seen = _seen(objective, shown, whole, whole)
    halfway()
    sums: list[Sums] = [{} for _ in objective.terms]
    _add_sums(objective, seen, sums)
    losses, slopes = _by_sums(objective, sums, shown)
    gradient = _pulled_back(objective, seen, slopes, losses)
    del seen
    _add_pixels(objective, shown, whole, gradient, losses)
    return _evaluation(objective, losses, gradient)


def _of_tiles(
    objective: Objective,
    shown: Tensor,
    tiling: Tiling,
    check: Callable[[], None],
    halfway: Callable[[], None],
) -> Evaluation:
    losses, slopes = _by_sums(objective, _sums_of_tiles(objective, shown, tiling, check), shown)
    gradient = torch.zeros_like(shown)
    for core in tiling.cores():
        check()
        window = tiling.window(core)
        seen = _seen(objective, window.of(shown).clone(), window, core)
        halfway()
        own = [shown.new_zeros(()) for _ in losses]
        back = _pulled_back(objective, seen, slopes, own)
        del seen
        window.of(gradient).add_(back)
        for loss, part in zip(losses, own, strict=True):
            loss.add_(part)
        _add_pixels(objective, shown, core, gradient, losses)
    return _evaluation(objective, losses, gradient)


def _evaluation(objective: Objective, losses: Sequence[Tensor], gradient: Tensor) -> Evaluation:
    names = [term.name for term in objective.terms]
    return Evaluation(sum_of(losses), dict(zip(names, losses, strict=True)), gradient)


@dataclass(frozen=True, eq=False)
class _Seen:
    """A window's pixels and features, of which the core's are the tile's own."""

    window: Region
    core: Region
    pixels: Tensor
    features: dict[str, Tensor]

    def own(self, stride: int) -> Region:
        """The core among the window's features that are `stride` pixels apart."""
        return self.core.inside(self.window).at_stride(stride)


def _seen(objective: Objective, pixels: Tensor, window: Region, core: Region) -> _Seen:
    layers = objective.layers()
    with torch.enable_grad():
        leaf = pixels.detach().requires_grad_()
        features = objective.encoder.features(leaf, layers) if layers else {}
    return _Seen(window, core, leaf, features)


@torch.no_grad()
def _sums_of_tiles(
    objective: Objective, shown: Tensor, tiling: Tiling, check: Callable[[], None]
) -> list[Sums]:
    """The sums of each term over the whole picture, tile by tile."""
    sums: list[Sums] = [{} for _ in objective.terms]
    layers = {layer for term in objective.terms for layer in term.summed}
    for core in tiling.cores() if layers else ():
        check()
        window = tiling.window(core)
        pixels = window.of(shown)
        seen = _Seen(window, core, pixels, objective.encoder.features(pixels, layers))
        _add_sums(objective, seen, sums)
        del seen
    return sums


@torch.no_grad()
def _add_sums(objective: Objective, seen: _Seen, sums: Sequence[Sums]) -> None:
    """Add what a tile's own features add to the sums of each term."""
    for term, known in zip(objective.terms, sums, strict=True):
        for layer in term.summed:
            own = seen.own(objective.encoder.stride_px(layer)).of(seen.features[layer].detach())
            for key, part in term.sums(layer, own, seen.core).items():
                known[key] = known[key] + part if key in known else part


@torch.no_grad()
def _by_sums(
    objective: Objective, sums: Sequence[Sums], like: Tensor
) -> tuple[list[Tensor], list[Sums]]:
    """The loss of each term by its sums, and its slopes with respect to them."""
    losses, slopes = [like.new_zeros(()) for _ in sums], [Sums() for _ in sums]
    for number, (term, found) in enumerate(zip(objective.terms, sums, strict=True)):
        if (made := term.loss(found)) is not None:
            losses[number], slopes[number] = made
    return losses, slopes


def _pulled_back(
    objective: Objective, seen: _Seen, slopes: Sequence[Sums], losses: Sequence[Tensor]
) -> Tensor:
    """The core's features' part in the gradient of the window's pixels; their losses are added.

    The features are spent: each layer's memory is free when the way back has passed it.
    """
    if not seen.features:
        return torch.zeros_like(seen.pixels)
    layers = {name: layer.detach() for name, layer in seen.features.items()}

    def with_own(name: str) -> Callable[[Tensor], Tensor]:
        stride = objective.encoder.stride_px(name)
        own_part, core = seen.own(stride), seen.core  # Not `seen` itself, which holds this hook.

        def added(gradient: Tensor) -> Tensor:
            layer = layers.pop(name)
            # What has arrived, if it has memory of its own: nobody else looks at it any more.
            arrived = any(gradient.stride())
            usable = arrived and gradient.stride() == layer.stride()
            made = gradient if usable else torch.empty_like(layer)
            mine = own_part.of(made)
            # Nothing has arrived that would have to be kept: one number for all is no slope yet.
            fresh = mine.shape == made.shape and not arrived
            if not fresh and not usable:
                made.copy_(gradient)
            own = OwnFeatures(
                name, own_part.of(layer), core, core.at_stride(stride), mine, fresh=fresh
            )
            for term, slope, total in zip(objective.terms, slopes, losses, strict=True):
                if name in term.layers and (loss := term.at_features(own, slope)) is not None:
                    total.add_(loss)
            if own.fresh:
                made.copy_(gradient)
            return made

        return added

    for name, layer in seen.features.items():
        layer.register_hook(with_own(name))  # type: ignore[no-untyped-call]
    # Nothing of its own, but it brings each layer's hook about.
    nothing: Tensor = _Nothing.apply(*_ends(list(seen.features.values())))
    del layer
    seen.features.clear()
    (back,) = torch.autograd.grad(nothing, seen.pixels)
    return back


class _Nothing(torch.autograd.Function):
    """One number, whose slope is nothing: told as one zero for all, which needs no memory.

    To ask for slopes of a single number also spares torch the import of half a thousand modules.
    """

    @staticmethod
    def forward(ctx: Any, *layers: Tensor) -> Tensor:
        ctx.layers = [layer.shape for layer in layers]
        return layers[0].new_zeros(())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, ...]:
        zero = slope.new_zeros(())
        return tuple(zero.expand(shape) for shape in ctx.layers)


def _ends(layers: Sequence[Tensor]) -> list[Tensor]:
    """The layers from which the way back passes all others: those that no other is made of."""
    passed: set[object] = set()
    left = [node for layer in layers if layer.grad_fn for node, _ in layer.grad_fn.next_functions]
    while left:
        if (node := left.pop()) is not None and node not in passed:
            passed.add(node)
            left += [after for after, _ in node.next_functions]
    return [layer for layer in layers if layer.grad_fn not in passed]


def _add_pixels(
    objective: Objective, shown: Tensor, core: Region, gradient: Tensor, losses: Sequence[Tensor]
) -> None:
    """Add the terms' losses at the core's pixels; their gradient to the whole picture's."""
    for term, total in zip(objective.terms, losses, strict=True):
        if (loss := term.at_pixels(shown, core, gradient)) is not None:
            total.add_(loss)


def _never() -> None:
    """Nothing to check."""
