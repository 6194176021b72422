"""Loss and gradient of a picture: of the whole at once, stage by stage, or tile by tile; all exact.

The whole picture takes one forward and one backward pass. If its features do not fit into memory,
the network's **stages** run one after the other, each in bands of rows. The output of a stage is
kept for the whole picture, and the backward pass recomputes each band from its input, except bands
that there was memory to keep (gradient checkpointing). A band needs a small margin, as the
receptive field of one stage is small. If that does not fit either, **tiles** with the margin of the
deepest layer are passed twice: first without gradients, for the sums over the whole picture, then
for the gradient. In the pixels, gradients add up where windows overlap. As each feature has one
owner, the sum is the gradient of the whole picture.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from engine.networks.encoder import Encoder, Stage, features_of
from engine.painting.objective import Objective
from engine.painting.passes import (
    Activations,
    Evaluation,
    add_pixel_losses,
    add_sums,
    backward_window,
    empty_sums,
    evaluation,
    forward_window,
    losses_by_sums,
)
from engine.painting.terms import Sums
from engine.painting.tiles import Bands, Region, Tiling


def evaluate(
    objective: Objective,
    picture: Tensor,
    tiling: Tiling | Bands | None = None,
    check: Callable[[], None] = lambda: None,
    halfway: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Loss and gradient of a picture [1, 3, H, W].

    Args:
        objective: the terms.
        picture: not changed; no autograd graph is kept.
        tiling: None for the whole picture at once.
        check: called before each tile or band; it may raise to stop.
        halfway: called between the forward and the backward pass of the picture or of a tile; it
            may raise to stop.
    """
    shown = objective.shown(picture.detach())
    if tiling is None:
        found = _of_whole(objective, shown, halfway)
    elif isinstance(tiling, Bands):
        found = _by_stages(objective, shown, tiling, check, halfway)
    else:
        found = _of_tiles(objective, shown, tiling, check, halfway)
    if objective.untouched is not None:
        found.gradient.mul_(objective.untouched[1])
    return found


def _of_whole(objective: Objective, shown: Tensor, halfway: Callable[[], None]) -> Evaluation:
    whole = Region(0, objective.size[0], 0, objective.size[1])
    activations = forward_window(_all_of(objective), shown, whole, whole)
    halfway()
    sums = empty_sums(objective)
    add_sums(objective, activations, sums)
    losses, grads = losses_by_sums(objective, sums, shown)
    gradient = backward_window(objective, activations, grads, losses)
    del activations
    add_pixel_losses(objective, shown, whole, gradient, losses)
    return evaluation(objective, losses, gradient)


def _of_tiles(
    objective: Objective,
    shown: Tensor,
    tiling: Tiling,
    check: Callable[[], None],
    halfway: Callable[[], None],
) -> Evaluation:
    losses, grads = losses_by_sums(
        objective, _sums_of_tiles(objective, shown, tiling, check), shown
    )
    gradient = torch.zeros_like(shown)
    for core in tiling.cores():
        check()
        window = tiling.window(core)
        activations = forward_window(_all_of(objective), window.of(shown).clone(), window, core)
        halfway()
        own = [shown.new_zeros(()) for _ in losses]
        back = backward_window(objective, activations, grads, own)
        del activations
        window.of(gradient).add_(back)
        for loss, part in zip(losses, own, strict=True):
            loss.add_(part)
        add_pixel_losses(objective, shown, core, gradient, losses)
    return evaluation(objective, losses, gradient)


@torch.no_grad()
def _sums_of_tiles(
    objective: Objective, shown: Tensor, tiling: Tiling, check: Callable[[], None]
) -> list[Sums]:
    """The sums of each term over the whole picture, tile by tile."""
    sums = empty_sums(objective)
    layers = {layer for term in objective.terms for layer in term.summed}
    for core in tiling.cores() if layers else ():
        check()
        window = tiling.window(core)
        pixels = window.of(shown)
        activations = Activations(
            window, core, pixels, features_of(objective.encoder, pixels, layers)
        )
        add_sums(objective, activations, sums)
        del activations
    return sums


def _by_stages(
    objective: Objective,
    shown: Tensor,
    bands: Bands,
    check: Callable[[], None],
    halfway: Callable[[], None],
) -> Evaluation:
    sums, inputs = empty_sums(objective), [shown]
    kept: list[list[Activations]] = []
    for stage, most in zip(bands.stages, bands.kept, strict=True):
        parts, kept_here = _parts(bands, stage, check), list[Activations]()
        output: Tensor | None = None
        for number, (window, core) in enumerate(parts):
            activations = _forward_band(
                objective.encoder, stage, inputs[-1], window, core, kept=number < most
            )
            add_sums(objective, activations, sums)
            output = _with_output(output, activations, stage, objective)
            if number < most:
                kept_here.append(activations)
            del activations
        kept.append(kept_here[::-1])
        if output is not None:
            inputs.append(output)
        del output
    losses, grads = losses_by_sums(objective, sums, shown)
    output_grad: Tensor | None = None
    for stage in reversed(bands.stages):
        x, kept_here = inputs.pop(), kept.pop()
        grad = torch.zeros_like(x, dtype=shown.dtype)
        for window, core in _parts(bands, stage, check):
            activations = (
                kept_here.pop()
                if kept_here
                else _forward_band(objective.encoder, stage, x, window, core, kept=True)
            )
            halfway()
            after = (
                None if output_grad is None else _core_output_grad(activations, output_grad, stage)
            )
            back = backward_window(objective, activations, grads, losses, after)
            window.at_stride(stage.stride_px).of(grad).add_(back)
            del activations, after, back
            if stage.number == 0:
                add_pixel_losses(objective, shown, core, grad, losses)
        output_grad = grad
        del x, grad
    assert output_grad is not None
    return evaluation(objective, losses, output_grad)


def _parts(
    bands: Bands, stage: Stage, check: Callable[[], None]
) -> Iterator[tuple[Region, Region]]:
    """The window and the core of each band of a stage."""
    for core in bands.cores(stage):
        check()
        yield bands.window(stage, core), core


def _forward_band(
    encoder: Encoder, stage: Stage, x: Tensor, window: Region, core: Region, *, kept: bool
) -> Activations:
    """The forward pass of a stage over a window of its input; `kept` for a backward pass."""

    def find(inputs: Tensor) -> tuple[dict[str, Tensor], Tensor | None]:
        features, output = encoder.forward_stage(stage, inputs)
        return features, output if stage.downsamples else None

    inputs = window.at_stride(stage.stride_px).of(x)
    if kept:
        return forward_window(find, inputs, window, core)
    with torch.no_grad():
        return Activations(window, core, inputs, *find(inputs))


@torch.no_grad()
def _with_output(
    output: Tensor | None, activations: Activations, stage: Stage, objective: Objective
) -> Tensor | None:
    """The stage's output for the whole picture, with that of a band's core put into it."""
    if activations.output is None:
        return None
    own = activations.own(stage.out_stride_px).of(activations.output)
    if output is None:
        whole = Region(0, objective.size[0], 0, objective.size[1])
        output = _empty_like(activations.output, whole.at_stride(stage.out_stride_px))
    activations.core.at_stride(stage.out_stride_px).of(output).copy_(own)
    return output


def _empty_like(part: Tensor, whole: Region) -> Tensor:
    """Uninitialized [1, C, H, W] for a region, in the memory layout of a part of it."""
    shape = (1, part.shape[1], *whole.size)
    rows = part.is_contiguous()
    laid = torch.contiguous_format if rows else torch.channels_last
    return torch.empty(shape, dtype=part.dtype, device=part.device, memory_format=laid)


def _core_output_grad(activations: Activations, output_grad: Tensor, stage: Stage) -> Tensor:
    """The gradient of a window's output: zero outside its core, which other windows own."""
    assert activations.output is not None
    grad = torch.zeros_like(activations.output)
    own, there = (
        activations.own(stage.out_stride_px),
        activations.core.at_stride(stage.out_stride_px),
    )
    own.of(grad).copy_(there.of(output_grad))
    return grad


def _all_of(objective: Objective) -> Callable[[Tensor], tuple[dict[str, Tensor], None]]:
    layers = objective.layers()
    return lambda pixels: (features_of(objective.encoder, pixels, layers) if layers else {}, None)
