"""Loss and gradient of a picture: of the whole at once, stage by stage, or tile by tile; all exact.

A whole picture is seen once. Where its features would not fit into memory, the network's **stages**
are gone through one after the other, each in bands of rows; what a stage makes is kept for all of
the picture, and on the way back each band is computed anew from what it was given, but for those
that there was memory to keep. A band needs little around it, as a stage reaches a few pixels. Where
that would not fit either, **tiles** are seen through windows as wide as the deepest layer reaches,
twice: first for the sums over the whole picture, without gradients, then for the slopes. Taken back
to the pixels these are added up where windows overlap. As each feature has one owner, the sum is
the gradient of the whole.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from engine.networks.encoder import Encoder, Stage, features_of
from engine.painting.objective import Objective
from engine.painting.passes import (
    Evaluation,
    Seen,
    add_pixels,
    add_sums,
    by_sums,
    evaluation,
    no_sums,
    pulled_back,
    seen_in,
)
from engine.painting.terms import Sums
from engine.painting.tiles import Bands, Region, Tiling


def evaluate(
    objective: Objective,
    picture: Tensor,
    tiling: Tiling | Bands | None = None,
    check: Callable[[], None] | None = None,
    halfway: Callable[[], None] | None = None,
) -> Evaluation:
    """Loss and gradient of a picture [1, 3, H, W].

    Args:
        objective: what to judge by.
        picture: a leaf or not; it is not changed.
        tiling: None for the whole picture at once.
        check: called before each tile or band; it may raise to stop.
        halfway: called between the way there and the way back of the whole picture or of a tile,
            of which either may take a second; it may raise to stop.
    """
    shown, halfway = objective.shown(picture.detach()), halfway or _never
    if tiling is None:
        found = _of_whole(objective, shown, halfway)
    elif isinstance(tiling, Bands):
        found = _by_stages(objective, shown, tiling, check or _never, halfway)
    else:
        found = _of_tiles(objective, shown, tiling, check or _never, halfway)
    if objective.untouched is not None:
        found.gradient.mul_(objective.untouched[1])
    return found


def _of_whole(objective: Objective, shown: Tensor, halfway: Callable[[], None]) -> Evaluation:
    whole = Region(0, objective.size[0], 0, objective.size[1])
    seen = seen_in(_all_of(objective), shown, whole, whole)
    halfway()
    sums = no_sums(objective)
    add_sums(objective, seen, sums)
    losses, slopes = by_sums(objective, sums, shown)
    gradient = pulled_back(objective, seen, slopes, losses)
    del seen
    add_pixels(objective, shown, whole, gradient, losses)
    return evaluation(objective, losses, gradient)


def _of_tiles(
    objective: Objective,
    shown: Tensor,
    tiling: Tiling,
    check: Callable[[], None],
    halfway: Callable[[], None],
) -> Evaluation:
    losses, slopes = by_sums(objective, _sums_of_tiles(objective, shown, tiling, check), shown)
    gradient = torch.zeros_like(shown)
    for core in tiling.cores():
        check()
        window = tiling.window(core)
        seen = seen_in(_all_of(objective), window.of(shown).clone(), window, core)
        halfway()
        own = [shown.new_zeros(()) for _ in losses]
        back = pulled_back(objective, seen, slopes, own)
        del seen
        window.of(gradient).add_(back)
        for loss, part in zip(losses, own, strict=True):
            loss.add_(part)
        add_pixels(objective, shown, core, gradient, losses)
    return evaluation(objective, losses, gradient)


@torch.no_grad()
def _sums_of_tiles(
    objective: Objective, shown: Tensor, tiling: Tiling, check: Callable[[], None]
) -> list[Sums]:
    """The sums of each term over the whole picture, tile by tile."""
    sums = no_sums(objective)
    layers = {layer for term in objective.terms for layer in term.summed}
    for core in tiling.cores() if layers else ():
        check()
        window = tiling.window(core)
        pixels = window.of(shown)
        seen = Seen(window, core, pixels, features_of(objective.encoder, pixels, layers))
        add_sums(objective, seen, sums)
        del seen
    return sums


def _by_stages(
    objective: Objective,
    shown: Tensor,
    bands: Bands,
    check: Callable[[], None],
    halfway: Callable[[], None],
) -> Evaluation:
    sums, given = no_sums(objective), [shown]
    kept: list[list[Seen]] = []
    for stage, most in zip(bands.stages, bands.kept, strict=True):
        parts, kept_here = _parts(bands, stage, check), list[Seen]()
        made: Tensor | None = None
        for number, (window, core) in enumerate(parts):
            seen = _seen_by(objective.encoder, stage, given[-1], window, core, kept=number < most)
            add_sums(objective, seen, sums)
            made = _with_made(made, seen, stage, objective)
            if number < most:
                kept_here.append(seen)
            del seen
        kept.append(kept_here[::-1])
        if made is not None:
            given.append(made)
        del made
    losses, slopes = by_sums(objective, sums, shown)
    beyond: Tensor | None = None
    for stage in reversed(bands.stages):
        x, kept_here = given.pop(), kept.pop()
        slope = torch.zeros_like(x, dtype=shown.dtype)
        for window, core in _parts(bands, stage, check):
            seen = (
                kept_here.pop()
                if kept_here
                else _seen_by(objective.encoder, stage, x, window, core, kept=True)
            )
            halfway()
            after = None if beyond is None else _handed_back(seen, beyond, stage)
            back = pulled_back(objective, seen, slopes, losses, after)
            window.at_stride(stage.stride_px).of(slope).add_(back)
            del seen, after, back
            if stage.number == 0:
                add_pixels(objective, shown, core, slope, losses)
        beyond = slope
        del x, slope
    assert beyond is not None
    return evaluation(objective, losses, beyond)


def _parts(
    bands: Bands, stage: Stage, check: Callable[[], None]
) -> Iterator[tuple[Region, Region]]:
    """The window and the core of each band of a stage."""
    for core in bands.cores(stage):
        check()
        yield bands.window(stage, core), core


def _seen_by(
    encoder: Encoder, stage: Stage, x: Tensor, window: Region, core: Region, *, kept: bool
) -> Seen:
    """What a stage sees of its input `x` in a window; `kept`, it can be pulled back."""

    def find(given: Tensor) -> tuple[dict[str, Tensor], Tensor | None]:
        features, made = encoder.forward_stage(stage, given)
        return features, made if stage.downsamples else None

    given = window.at_stride(stage.stride_px).of(x)
    if kept:
        return seen_in(find, given, window, core)
    with torch.no_grad():
        return Seen(window, core, given, *find(given))


@torch.no_grad()
def _with_made(
    made: Tensor | None, seen: Seen, stage: Stage, objective: Objective
) -> Tensor | None:
    """What the stage makes for the next one, with a band's core put into it."""
    if seen.made is None:
        return None
    own = seen.own(stage.out_stride_px).of(seen.made)
    if made is None:
        whole = Region(0, objective.size[0], 0, objective.size[1])
        made = _empty_like(seen.made, whole.at_stride(stage.out_stride_px))
    seen.core.at_stride(stage.out_stride_px).of(made).copy_(own)
    return made


def _empty_like(part: Tensor, whole: Region) -> Tensor:
    """[1, C, H, W] of a region, laid as a part of it is."""
    shape = (1, part.shape[1], *whole.size)
    rows = part.is_contiguous()
    laid = torch.contiguous_format if rows else torch.channels_last
    return torch.empty(shape, dtype=part.dtype, device=part.device, memory_format=laid)


def _handed_back(seen: Seen, beyond: Tensor, stage: Stage) -> Tensor:
    """The slope of what a window hands on: that of its core, as the rest is another's."""
    assert seen.made is not None
    slope = torch.zeros_like(seen.made)
    own, there = seen.own(stage.out_stride_px), seen.core.at_stride(stage.out_stride_px)
    own.of(slope).copy_(there.of(beyond))
    return slope


def _all_of(objective: Objective) -> Callable[[Tensor], tuple[dict[str, Tensor], None]]:
    layers = objective.layers()
    return lambda pixels: (features_of(objective.encoder, pixels, layers) if layers else {}, None)


def _never() -> None:
    """Nothing to check."""
