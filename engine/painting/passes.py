"""What all ways of passing over a picture share: sums there, slopes back.

Some terms, such as the style, see only sums of features over the whole picture. The loss' slopes
with respect to these stand for the rest of the picture: with them a part of it knows the slopes of
the features that it owns. These are made when the way back arrives at a layer, not before: of all
that is held at a time, the features themselves take most.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from engine.painting.objective import Objective
from engine.painting.statistics import sum_of
from engine.painting.terms import OwnFeatures, Sums
from engine.painting.tiles import Region


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
        # torch's norms take up to twenty times as long on a processor.
        steepest = torch.maximum(self.gradient.amax(), -self.gradient.amin())
        return {"total": self.loss, **self.terms, "steepest": steepest}


def evaluation(objective: Objective, losses: Sequence[Tensor], gradient: Tensor) -> Evaluation:
    """The terms' losses by their names, with their sum."""
    names = [term.name for term in objective.terms]
    return Evaluation(sum_of(losses), dict(zip(names, losses, strict=True)), gradient)


@dataclass(eq=False)
class Seen:
    """A window's pixels and features, of which the core's are the tile's own."""

    window: Region
    core: Region
    pixels: Tensor
    """Or what a stage of the network is given there."""
    features: dict[str, Tensor]
    made: Tensor | None = None
    """What is handed on to the next stage."""

    def own(self, stride: int) -> Region:
        """The core among the window's features that are `stride` pixels apart."""
        return self.core.inside(self.window).at_stride(stride)

    def spend(self) -> None:
        """Hold the features no longer."""
        self.features.clear()
        self.made = None


def seen_in(
    find: Callable[[Tensor], tuple[dict[str, Tensor], Tensor | None]],
    pixels: Tensor,
    window: Region,
    core: Region,
) -> Seen:
    """What a network finds in a window, to be pulled back.

    Args:
        find: features by layer, and what is handed on, if anything is.
        pixels: of the window; or what a stage is given there.
        window: all that the core's features see.
        core: whose features are its own.
    """
    with torch.enable_grad():
        leaf = pixels.detach().requires_grad_()
        features, made = find(leaf)
    return Seen(window, core, leaf, features, made)


def no_sums(objective: Objective) -> list[Sums]:
    """Sums of each term, before anything was seen."""
    return [{} for _ in objective.terms]


@torch.no_grad()
def add_sums(objective: Objective, seen: Seen, sums: Sequence[Sums]) -> None:
    """Add what a tile's own features add to the sums of each term."""
    for term, known in zip(objective.terms, sums, strict=True):
        for layer in (name for name in term.summed if name in seen.features):
            own = seen.own(objective.encoder.stride_px(layer)).of(seen.features[layer].detach())
            for key, part in term.sums(layer, own, seen.core).items():
                known[key] = known[key] + part if key in known else part


@torch.no_grad()
def by_sums(
    objective: Objective, sums: Sequence[Sums], like: Tensor
) -> tuple[list[Tensor], list[Sums]]:
    """The loss of each term by its sums, and its slopes with respect to them."""
    losses, slopes = [like.new_zeros(()) for _ in sums], [Sums() for _ in sums]
    for number, (term, found) in enumerate(zip(objective.terms, sums, strict=True)):
        if (made := term.loss(found)) is not None:
            losses[number], slopes[number] = made
    return losses, slopes


def pulled_back(
    objective: Objective,
    seen: Seen,
    slopes: Sequence[Sums],
    losses: Sequence[Tensor],
    beyond: Tensor | None = None,
) -> Tensor:
    """The core's features' part in the gradient of the window's pixels; their losses are added.

    The features are spent: each layer's memory is free when the way back has passed it.

    Args:
        objective: what to judge by.
        seen: the window; it is spent.
        slopes: of each term's loss with respect to its sums.
        losses: of each term; are changed.
        beyond: slope of `seen.made`, from the stages after it.
    """
    if not seen.features and beyond is None:
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

    for name in seen.features:
        seen.features[name].register_hook(with_own(name))  # type: ignore[no-untyped-call]
    ends = list(seen.features.values())
    if beyond is not None and seen.made is not None:
        seen.made.register_hook(lambda _: beyond)  # type: ignore[no-untyped-call]
        ends.append(seen.made)
    # Nothing of its own, but it brings each hook about.
    nothing: Tensor = _Nothing.apply(*_ends(ends))
    ends.clear()
    seen.spend()
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


def add_pixels(
    objective: Objective, shown: Tensor, core: Region, gradient: Tensor, losses: Sequence[Tensor]
) -> None:
    """Add the terms' losses at the core's pixels; their gradient to the whole picture's."""
    for term, total in zip(objective.terms, losses, strict=True):
        if (loss := term.at_pixels(shown, core, gradient)) is not None:
            total.add_(loss)
