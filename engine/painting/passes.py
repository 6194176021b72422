"""Forward and backward pass over a part of a picture, as `engine.painting.gradient` combines them.

Some terms, such as the style, depend only on sums of features over the whole picture. The gradient
with respect to these sums stands for the rest of the picture: given it, the gradient of the
features that a part owns is known. It is computed in a hook, when the backward pass arrives at the
layer, and not before, as features take most of the memory.
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
    """Loss, its terms by name, and gradient of a picture; tensors on the device, not read yet."""

    loss: Tensor
    terms: Mapping[str, Tensor]
    gradient: Tensor

    def figures(self) -> dict[str, Tensor]:
        """The `total` loss, each term by its name, and `max_abs_grad`, the gradient's maximum norm.

        The latter is not finite if any value of the gradient is not.
        """
        # torch's own norms are far slower on a CPU.
        max_abs_grad = torch.maximum(self.gradient.amax(), -self.gradient.amin())
        return {"total": self.loss, **self.terms, "max_abs_grad": max_abs_grad}


def evaluation(objective: Objective, losses: Sequence[Tensor], gradient: Tensor) -> Evaluation:
    """The terms' losses by their names, with their sum."""
    names = [term.name for term in objective.terms]
    return Evaluation(sum_of(losses), dict(zip(names, losses, strict=True)), gradient)


@dataclass(eq=False)
class Activations:
    """Input and features of a window, of which only those in the core are the part's own."""

    window: Region
    core: Region
    pixels: Tensor
    """Pixels of the window, or the input of a stage there."""
    features: dict[str, Tensor]
    output: Tensor | None = None
    """Output of the stage, if there is a next one."""

    def own(self, stride: int) -> Region:
        """The core's place among the window's features of this stride."""
        return self.core.inside(self.window).at_stride(stride)

    def spend(self) -> None:
        """Free the features."""
        self.features.clear()
        self.output = None


def forward_window(
    find: Callable[[Tensor], tuple[dict[str, Tensor], Tensor | None]],
    pixels: Tensor,
    window: Region,
    core: Region,
) -> Activations:
    """The forward pass over a window, recorded for `backward_window`.

    Args:
        find: returns features by layer, and the output for the next stage or None.
        pixels: of the window, or the input of a stage there.
        window: the core with the receptive field of its features.
        core: the part whose features it owns.
    """
    with torch.enable_grad():
        leaf = pixels.detach().requires_grad_()
        features, output = find(leaf)
    return Activations(window, core, leaf, features, output)


def empty_sums(objective: Objective) -> list[Sums]:
    """Empty sums of each term, to begin with."""
    return [{} for _ in objective.terms]


@torch.no_grad()
def add_sums(objective: Objective, activations: Activations, sums: Sequence[Sums]) -> None:
    """Add the contribution of a part's own features to the sums of each term."""
    for term, known in zip(objective.terms, sums, strict=True):
        for layer in (name for name in term.summed if name in activations.features):
            own = activations.own(objective.encoder.stride_px(layer)).of(
                activations.features[layer].detach()
            )
            for key, part in term.sums(layer, own, activations.core).items():
                known[key] = known[key] + part if key in known else part


@torch.no_grad()
def losses_by_sums(
    objective: Objective, sums: Sequence[Sums], like: Tensor
) -> tuple[list[Tensor], list[Sums]]:
    """The loss of each term by its sums, and its gradients with respect to them."""
    losses, grads = [like.new_zeros(()) for _ in sums], [Sums() for _ in sums]
    for number, (term, found) in enumerate(zip(objective.terms, sums, strict=True)):
        if (made := term.loss(found)) is not None:
            losses[number], grads[number] = made
    return losses, grads


def backward_window(
    objective: Objective,
    activations: Activations,
    grads: Sequence[Sums],
    losses: Sequence[Tensor],
    output_grad: Tensor | None = None,
) -> Tensor:
    """The backward pass over a window, from the features of its core to its pixels.

    The memory of each layer is freed as soon as the pass is beyond it.

    Args:
        objective: the terms.
        activations: the window; its features are freed.
        grads: gradients of each term's loss with respect to its sums.
        losses: of each term; losses at the core's features are added in place.
        output_grad: gradient with respect to `activations.output`, from the stages after it.

    Returns:
        The gradient with respect to `activations.pixels`.
    """
    if not activations.features and output_grad is None:
        return torch.zeros_like(activations.pixels)
    layers = {name: layer.detach() for name, layer in activations.features.items()}

    def with_own(name: str) -> Callable[[Tensor], Tensor]:
        stride = objective.encoder.stride_px(name)
        # The hook must not hold `activations`, which holds the hook.
        own_part, core = activations.own(stride), activations.core

        def added(gradient: Tensor) -> Tensor:
            layer = layers.pop(name)
            # Strides of zero: the one zero that `_ZeroGrad` expands. Anything else came from deeper
            # layers, and its memory can be reused.
            arrived = any(gradient.stride())
            usable = arrived and gradient.stride() == layer.stride()
            made = gradient if usable else torch.empty_like(layer)
            mine = own_part.of(made)
            # The core is the whole window, and no gradient has arrived: terms may overwrite.
            fresh = mine.shape == made.shape and not arrived
            if not fresh and not usable:
                made.copy_(gradient)
            own = OwnFeatures(
                name, own_part.of(layer), core, core.at_stride(stride), mine, fresh=fresh
            )
            for term, grad, total in zip(objective.terms, grads, losses, strict=True):
                if name in term.layers and (loss := term.at_features(own, grad)) is not None:
                    total.add_(loss)
            if own.fresh:
                made.copy_(gradient)
            return made

        return added

    for name in activations.features:
        activations.features[name].register_hook(with_own(name))  # type: ignore[no-untyped-call]
    ends = list(activations.features.values())
    if output_grad is not None and activations.output is not None:
        activations.output.register_hook(lambda _: output_grad)  # type: ignore[no-untyped-call]
        ends.append(activations.output)
    # Contributes no gradient itself, but makes autograd call each hook.
    nothing: Tensor = _ZeroGrad.apply(*_outermost(ends))
    ends.clear()
    activations.spend()
    (back,) = torch.autograd.grad(nothing, activations.pixels)
    return back


class _ZeroGrad(torch.autograd.Function):
    """A scalar whose gradient is zero, as one expanded zero without memory.

    `torch.autograd.grad` of a scalar also spares torch the import of hundreds of modules.
    """

    @staticmethod
    def forward(ctx: Any, *layers: Tensor) -> Tensor:
        ctx.layers = [layer.shape for layer in layers]
        return layers[0].new_zeros(())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        zero = grad.new_zeros(())
        return tuple(zero.expand(shape) for shape in ctx.layers)


def _outermost(layers: Sequence[Tensor]) -> list[Tensor]:
    """The layers that no other layer depends on; the backward pass from them reaches all others."""
    passed: set[object] = set()
    left = [node for layer in layers if layer.grad_fn for node, _ in layer.grad_fn.next_functions]
    while left:
        if (node := left.pop()) is not None and node not in passed:
            passed.add(node)
            left += [after for after, _ in node.next_functions]
    return [layer for layer in layers if layer.grad_fn not in passed]


def add_pixel_losses(
    objective: Objective, shown: Tensor, core: Region, gradient: Tensor, losses: Sequence[Tensor]
) -> None:
    """Add the terms' losses at the core's pixels, and their gradients to the whole picture's."""
    for term, total in zip(objective.terms, losses, strict=True):
        if (loss := term.at_pixels(shown, core, gradient)) is not None:
            total.add_(loss)
