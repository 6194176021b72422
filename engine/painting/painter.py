"""The entry point of the engine, for the command line and the queue's worker."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor

from common.options import PaintOptions, resolve_network
from common.sentences import sentence
from engine.errors import PaintSettingsError
from engine.networks.encoder import Encoder, WeightsError
from engine.painting import checkpoint
from engine.painting.checkpoint import LoadedCheckpoint, fingerprint
from engine.painting.devices import SHARE_OF_FREE, free_memory_bytes
from engine.painting.events import Event, Prepared, Preparing
from engine.painting.finish import Finisher
from engine.painting.inputs import (
    Inputs,
    Style,
    WarpedFrame,
    check_inputs,
    with_colors_first,
    with_faces,
)
from engine.painting.memory import PICTURE_BYTES, Memory
from engine.painting.picture import Picture, Size, fit_size, padded, resized, resized_mask
from engine.painting.plainness import content_shares, is_plain
from engine.painting.plan import LEAST_SIDE_PX, Plan, colors_first, kept_planes, make_plan
from engine.painting.run import Run
from engine.painting.run_state import RunState
from engine.painting.studio import Control, Studio
from engine.recipes.recipe import load_recipe
from engine.threads import Threads, threads_for

_PLAIN = 0.1
"""Share of its weight below which a style has no strokes to speak of."""
_NO_STROKES = sentence(
    "The style is almost plain, so the picture takes its colors, but hardly any strokes."
)


def paint(
    content: Picture,
    styles: Sequence[Style],
    options: PaintOptions,
    *,
    studio: Studio,
    mask: Tensor | None = None,
    start: Picture | None = None,
    resume: bytes | None = None,
    control: Control | None = None,
) -> Generator[Event, None, None]:
    """Paint the content in the styles, as a generator of events; the last one is `Painted`.

    Closing the generator stops the painting at the last event; `control` also stops it between
    tiles.

    Args:
        content: the photograph; its alpha is kept.
        styles: at least one.
        options: of the job.
        studio: device, networks, memory, caches.
        mask: [H, W] of the content's size, 0..1: where to paint.
        start: the picture to start from, if the options say `file`.
        resume: a checkpoint of the same painting, to continue from.
        control: asked before each tile whether to stop.

    Raises:
        PaintSettingsError: invalid pictures or settings; always raised before any work.
        PaintingFailedError: no finite picture came out, or there is no memory even for small tiles.
        PaintingStoppedError: `control` asked for it.
    """
    inputs = check_inputs(content, styles, options, mask, start)
    recipe = load_recipe(options.recipe)
    inputs = with_faces(inputs, options, recipe.loss.faces)
    inputs = with_colors_first(inputs, colors_first(options, recipe))
    events = paint_inputs(inputs, options, studio=studio, resume=resume, control=control)
    del resume
    yield from events


def paint_inputs(
    inputs: Inputs,
    options: PaintOptions,
    *,
    studio: Studio,
    resume: bytes | None = None,
    control: Control | None = None,
    of_clip: bool = False,
) -> Generator[Event, None, None]:
    """As `paint`, from pictures that were checked.

    The content of plain frames `of_clip` weighs as much as that of the others, so that black ones
    between scenes stay dark.
    """
    recipe, content = load_recipe(options.recipe), inputs.content
    # After the checks that need no network, as opening one takes a while.
    yield Preparing(f"loading the {options.network} network")
    pooling = options.pooling or recipe.pooling
    network = resolve_network(options.network)
    encoder = _open(studio, network, pooling)
    final = fit_size(content.size, options.size_px)
    # No side too short for the network.
    canvas = max(final[0], LEAST_SIDE_PX), max(final[1], LEAST_SIDE_PX)
    padded_inputs = _on_canvas(inputs, final, canvas)
    kept = None if resume is None else checkpoint.from_bytes(resume)
    del resume
    planned, total = _memory_bytes(studio, kept)
    plan = make_plan(
        options,
        recipe,
        encoder,
        canvas,
        _memory(planned, padded_inputs, studio.device, kept_planes(recipe, encoder)),
        warped=inputs.warped is not None,
    )
    if inputs.recolored is None:
        plan = replace(plan, colors_first=0.0)  # the palette of a style is unknown
    # Before the content's weights are measured: another engine measures slightly different ones.
    found = _fingerprint(inputs, options, plan, encoder)
    if plan.loss.units == "relative" and not of_clip and is_plain(inputs.content.pixels):
        plan = _with_content_shares(plan, inputs, encoder)
    notes = []
    if plan.loss.units == "relative":
        lowered = plan.weights["style"] * inputs.style_share
        plan = replace(plan, weights={**plan.weights, "style": lowered})
        notes += [_NO_STROKES] if inputs.style_share < _PLAIN else []
    if kept is not None:
        kept.check(found, encoder.name, encoder.weights_hash)
    yield Prepared(
        plan.total_iterations,
        tuple((scale.size, scale.iterations) for scale in plan.scales),
        encoder.name,
        final,
    )
    each = encoder.multiplications_per_pixel(plan.layers_of(encoder))
    run = Run(
        state=RunState(
            plan,
            found,
            encoder.name,
            encoder.weights_hash,
            _threads(plan, each, studio),
            studio.constant_cost(encoder.name, each),
            planned,
            studio.dtype,
            plan.tile_px,
            notes=notes,
        ),
        inputs=padded_inputs,
        options=options,
        studio=studio,
        finisher=Finisher(final, canvas, padded_inputs.content.pixels, content.alpha, options),
        control=control or Control(),
        memory=_memory(total, padded_inputs, studio.device, kept_planes(recipe, encoder)),
    )
    try:
        with _deterministic():
            yield from run.paint(kept)
    finally:
        torch.set_num_threads(studio.threads)


def _threads(plan: Plan, multiplications_per_pixel: float, studio: Studio) -> list[Threads]:
    """CPU threads for each scale."""
    if studio.device.type != "cpu":
        return [Threads(studio.threads)] * len(plan.scales)
    each = (multiplications_per_pixel * scale.pixels for scale in plan.scales)
    return [threads_for(one, studio.threads) for one in each]


@contextmanager
def _deterministic() -> Iterator[None]:
    """Within this context cuDNN is deterministic, and float32 is not rounded to TF32.

    Restores the former settings.
    """
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32
    cudnn.deterministic, cudnn.benchmark = True, False
    cudnn.allow_tf32 = matmul.allow_tf32 = False
    try:
        yield
    finally:
        cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32 = before


def _with_content_shares(plan: Plan, inputs: Inputs, encoder: Encoder) -> Plan:
    with _deterministic():
        shares = content_shares(encoder, inputs.target.pixels, plan.content_layers)
    layers = {name: weight * shares[name] for name, weight in plan.content_layers.items()}
    return replace(plan, content_layers=layers)


def _memory_bytes(studio: Studio, kept: LoadedCheckpoint | None) -> tuple[int, int]:
    """Memory to plan with, and to paint in.

    A resumed painting keeps its plan, or it would become another picture. It also keeps its tiles,
    if the memory that was measured then is still free.
    """
    total = studio.max_memory_bytes or free_memory_bytes(studio.device)
    if kept is None:
        return total, total
    planned = kept.header.memory_bytes
    still_there = studio.max_memory_bytes is None and planned * SHARE_OF_FREE <= total
    return planned, planned if still_there else total


def _memory(total: int, inputs: Inputs, device: torch.device, kept: int) -> Memory:
    """The memory budget for a painting from these pictures, which on a CPU take part of it.

    Args:
        total: bytes for everything.
        inputs: the pictures.
        device: where it is painted.
        kept: see `kept_planes`.
    """
    given = [inputs.content, inputs.start, inputs.recolored]
    given += [style.picture for style in inputs.styles]
    pixels = sum(one.size[0] * one.size[1] for one in given if one is not None)
    masks = {id(style.mask) for style in inputs.styles if style.mask is not None}
    planes = len(masks) + (2 if inputs.faces is not None else 0)
    if inputs.mask is not None:
        # The mask as a guide and as it is, the photograph, and the picture with it put back.
        planes = max(planes, 1) + 1 + 3 + 3
    return Memory(total, pixels * PICTURE_BYTES if device.type == "cpu" else 0, planes + kept)


def _open(studio: Studio, network: str, pooling: str) -> Encoder:
    try:
        return studio.encoder(network, pooling)
    except WeightsError as problem:
        raise PaintSettingsError.saying(problem.sentence) from problem


def _on_canvas(inputs: Inputs, final: Size, canvas: Size) -> Inputs:
    """The inputs at the size that is painted: very narrow content is padded at its border."""
    if final == canvas:
        return inputs

    def pixels(one: Tensor) -> Tensor:
        return padded(resized(one, final), LEAST_SIDE_PX)

    def picture(one: Picture | None) -> Picture | None:
        return None if one is None else Picture(pixels(one.pixels))

    def shares(one: Tensor) -> Tensor:
        return padded(resized_mask(one, final), LEAST_SIDE_PX)

    def mask(one: Tensor | None) -> Tensor | None:
        return None if one is None else shares(one)

    warped = inputs.warped
    return Inputs(
        content=Picture(pixels(inputs.content.pixels)),
        styles=tuple(replace(style, mask=mask(style.mask)) for style in inputs.styles),
        mask=mask(inputs.mask),
        start=picture(inputs.start),
        recolored=picture(inputs.recolored),
        warped=warped
        and WarpedFrame(pixels(warped.pixels), shares(warped.weights), shares(warped.still)),
        faces=mask(inputs.faces),
    )


def picture_identity(inputs: Inputs) -> tuple[object, object, object]:
    """Identifies styles, masks and start picture of a job, for `fingerprint`."""
    styles = [
        (
            style.picture.hash if style.picture else None,
            style.weight,
            [one.key for one in style.fingerprints],
        )
        for style in inputs.styles
    ]
    masks = [inputs.mask, *(style.mask for style in inputs.styles)]
    sums = [None if mask is None else fingerprint(mask.numpy().tobytes()) for mask in masks]
    return styles, sums, inputs.start.hash if inputs.start else None


def _fingerprint(inputs: Inputs, options: PaintOptions, plan: Plan, encoder: Encoder) -> str:
    warped = inputs.warped
    return fingerprint(
        inputs.content.hash,
        *picture_identity(inputs),
        None if warped is None else Picture(warped.pixels, warped.weights).hash,
        options.model_dump_json(exclude={"timelapse", "timelapse_format"}),
        plan.as_dict(),
        encoder.name,
        encoder.weights_hash,
        torch.get_default_dtype(),
    )
