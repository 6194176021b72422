"""Resolves a job's options, a recipe and a network to a plan; invalid ones are refused here."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from common.options import QUALITY_WORK, OptimizerName, PaintOptions
from engine.errors import PaintSettingsError
from engine.networks.encoder import Encoder
from engine.painting.memory import History, Memory
from engine.painting.picture import Size, fit_size
from engine.recipes.recipe import LayerChoice, Loss, OptimizerSettings, Recipe

_T = TypeVar("_T")

_LEAST_STRENGTH = 0.01
_SMALL_STEP = 0.25
"""Fraction of a step from scale to scale, in logarithms, for which no further scale is added."""
LEAST_SIDE_PX = 32
"""No side is painted shorter than this (deep layers would have nothing left); it is padded."""

ITERATION_PIXELS = 10_000
"""Constant cost of an iteration on a CPU, as a number of pixels that cost the same: of lite, and of
VGG-19 in float32."""


@dataclass(frozen=True)
class Scale:
    """Size (height, width) of the picture at a scale, iterations, and history.

    The optimizer is L-BFGS with a history, and Adam without.
    """

    size: Size
    iterations: int
    history: History | None = None

    @property
    def pixels(self) -> int:
        """Number of pixels of the picture."""
        return self.size[0] * self.size[1]

    @property
    def work(self) -> int:
        """Cost of one iteration in pixels, for the share that is done."""
        return self.pixels + ITERATION_PIXELS

    @property
    def optimizer(self) -> OptimizerName:
        """The optimizer's name."""
        return "lbfgs" if self.history else "adam"


@dataclass(frozen=True)
class Plan:
    """Everything that decides how a picture is painted, besides the pictures.

    `weights` has the weight of each term by name; `calm` and `dark` are those of the recipe's
    `LayerChoice`.
    """

    content_layers: Mapping[str, float]
    style_layers: Mapping[str, float]
    weights: Mapping[str, float]
    loss: Loss
    optimizer: OptimizerSettings
    scales: tuple[Scale, ...]
    calm: float
    dark: float
    colors_first: float
    detail: float
    style_scale: float
    style_fit: str
    pooling: str
    min_improvement: float
    tile_px: int | None

    def layers_of(self, encoder: Encoder) -> list[str]:
        """All layers in use, shallow to deep."""
        used = {*self.style_layers, *self.content_layers}
        return [name for name in encoder.layers if name in used]

    def with_history(self, number: int, history: History | None) -> "Plan":
        """The same with another history at a scale; None for Adam."""
        scales = list(self.scales)
        scales[number] = replace(scales[number], history=history)
        return replace(self, scales=tuple(scales))

    @property
    def total_iterations(self) -> int:
        """Iterations of all scales."""
        return sum(scale.iterations for scale in self.scales)

    def share_done(self, number: int, iteration: int) -> float:
        """Share of the whole cost that is done after an iteration of a scale."""
        costs = [scale.work * scale.iterations for scale in self.scales]
        return (sum(costs[:number]) + self.scales[number].work * iteration) / sum(costs)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the report, named like the options where possible."""
        return {
            "content_layers": dict(self.content_layers),
            "style_layers": dict(self.style_layers),
            **{f"{name}_weight": weight for name, weight in self.weights.items()},
            "style_statistic": self.loss.statistic,
            "loss": self.loss.model_dump(),
            "optimizer": self.scales[-1].optimizer,
            "optimizer_settings": self.optimizer.model_dump(),
            "scales": [
                {
                    "height_px": one.size[0],
                    "width_px": one.size[1],
                    "iterations": one.iterations,
                    "optimizer": one.optimizer,
                    "history": asdict(one.history) if one.history else None,
                }
                for one in self.scales
            ],
            "iterations": self.total_iterations,
            "calm": self.calm,
            "dark": self.dark,
            "colors_first": self.colors_first,
            "detail": self.detail,
            "style_scale": self.style_scale,
            "style_fit": self.style_fit,
            "pooling": self.pooling,
            "min_improvement": self.min_improvement,
            "tile_px": self.tile_px,
        }


def make_plan(
    options: PaintOptions,
    recipe: Recipe,
    encoder: Encoder,
    content: Size,
    memory: Memory | None = None,
    *,
    warped: bool = False,
) -> Plan:
    """Resolve options that are None by the recipe and by the network's layers.

    Args:
        options: of the job.
        recipe: named by the options.
        encoder: the network.
        content: size of the content as it is painted (already padded if very narrow).
        memory: decides on the length of the history, and whether Adam paints; None for no limit.
        warped: whether it is a frame of a clip that begins from earlier frames.

    Raises:
        PaintSettingsError: a layer that the network does not have.
    """
    choice = _layers(options, recipe, encoder)
    recipe = recipe.for_choice(choice)
    used = {*choice.style, *choice.content}
    layers = [name for name in encoder.layers if name in used]
    keep, paint = _strength(options.strength)
    statistic = options.style_statistic or recipe.loss.statistic
    return Plan(
        content_layers=_shares(choice.content),
        style_layers=_shares(choice.style),
        weights={
            "content": _first(options.content_weight, choice.content_weight) * keep,
            "style": _first(options.style_weight, choice.style_weight) * paint,
            "tv": _first(options.tv_weight, choice.tv_weight) * paint,
            **{name: weight * paint for name, weight in choice.terms.items()},
            **({"temporal": recipe.moving.temporal_weight} if warped else {}),
        },
        loss=recipe.loss.model_copy(update={"statistic": statistic}),
        optimizer=recipe.optimizer,
        scales=_scales(
            options,
            recipe,
            content,
            _history(options, recipe, encoder, layers, memory),
            warped=warped,
        ),
        calm=choice.calm if statistic == "gram" else 0.0,
        dark=choice.dark,
        colors_first=colors_first(options, recipe),
        detail=recipe.start.detail * min(1.0, keep) if paint else 0.0,
        style_scale=options.style_scale,
        style_fit=options.style_fit or recipe.style_fit,
        pooling=encoder.pooling,
        min_improvement=options.min_improvement or 0.0,
        tile_px=options.tile_px,
    )


def kept_planes(recipe: Recipe, encoder: Encoder) -> int:
    """Float32 values for each pixel that the recipe's terms keep with this network."""
    choice = recipe.choice_for(encoder.layers)
    if choice is None or "grain" not in choice.terms:
        return 0
    return 2 if choice.dark else 1  # the photograph in bytes; its darkness


def colors_first(options: PaintOptions, recipe: Recipe) -> float:
    """How far the photograph is recolored to the styles' palette first; less at low strength."""
    if options.keep_colors != "no":
        return 0.0
    share = _first(options.colors_first, recipe.start.colors_first)
    return share * min(1.0, 2 * options.strength)


def scale_sizes(content: Size, largest_px: int, smallest_px: int, factor: float) -> list[Size]:
    """Sizes of the pyramid, small to large, a factor apart, none narrower than `LEAST_SIDE_PX`."""
    sizes: list[Size] = []
    level = 0
    while (long_side := round(largest_px / factor**level)) >= min(smallest_px, largest_px):
        size = fit_size(content, long_side)
        if sizes and min(size) < LEAST_SIDE_PX:
            break
        sizes.insert(0, size)
        level += 1
    return sizes


def even_factor(largest_px: int, smallest_px: int, factor: float) -> float:
    """About this factor, such that largest and smallest are a whole number of steps apart.

    It may be a little greater, as a scale is not worth a small step.
    """
    whole = math.log(largest_px / smallest_px, factor)
    steps = math.ceil(whole - _SMALL_STEP)
    return (largest_px / smallest_px) ** (1 / steps) if steps > 0 else factor


def _scales(
    options: PaintOptions,
    recipe: Recipe,
    content: Size,
    history: Callable[[Size], History | None],
    *,
    warped: bool,
) -> tuple[Scale, ...]:
    pyramid = recipe.pyramid
    largest, smallest = max(content), pyramid.smallest_px
    factor = pyramid.factor
    if pyramid.even_factor is not None and not warped:
        factor = even_factor(largest, smallest, pyramid.even_factor)
    sizes = scale_sizes(content, largest, smallest, factor)
    if options.scales is not None:
        sizes = scale_sizes(content, largest, 1, pyramid.factor)[-options.scales :]
    if options.strength <= 0:
        sizes = sizes[-1:]  # nothing is painted, so small scales are useless
    more, share = QUALITY_WORK[options.quality], 1.0
    if warped:
        sizes, share = sizes[-recipe.moving.scales :], recipe.moving.share
    scales: list[Scale] = []
    for number, size in enumerate(sizes):
        kept = history(size)
        counts = pyramid.lbfgs if kept else pyramid.adam
        count = (counts.first if number == 0 and not warped else counts.later) * more
        iterations = max(1, round(_first(options.iterations, count) * share))
        if kept is not None:
            # The first evaluation yields no pair.
            kept = replace(kept, pairs=min(kept.pairs, max(1, iterations - 1)))
        scales.append(Scale(size, iterations, kept))
    return tuple(scales)


def _history(
    options: PaintOptions,
    recipe: Recipe,
    encoder: Encoder,
    layers: Sequence[str],
    memory: Memory | None,
) -> Callable[[Size], History | None]:
    """Returns the history of L-BFGS at a size; None where Adam paints."""
    pairs = recipe.optimizer.history

    def found(size: Size) -> History | None:
        if (options.optimizer or recipe.optimizer.name) != "lbfgs":
            return None
        if options.optimizer is None and max(size) > recipe.optimizer.lbfgs_most_px:
            return None
        return History(pairs) if memory is None else memory.history(size, pairs, encoder, layers)

    return found


def _layers(options: PaintOptions, recipe: Recipe, encoder: Encoder) -> LayerChoice:
    choice = recipe.choice_for(encoder.layers)
    if choice is None:
        if options.content_layers is None or options.style_layers is None:
            raise PaintSettingsError(
                "The recipe {recipe!r} has no layers for this {network} network, which has: "
                "{layers}. Choose content and style layers.",
                recipe=options.recipe,
                network=encoder.name,
                layers=", ".join(encoder.layers),
            )
        choice = recipe.choices[0]
    given = {"content": options.content_layers, "style": options.style_layers}
    for kind, layers in given.items():
        unknown = [name for name in layers or {} if name not in encoder.layers]
        if unknown:
            raise PaintSettingsError(
                "The {network} network in use has no layer {unknown} for the {kind}; it has: "
                "{layers}.",
                network=encoder.name,
                unknown=", ".join(unknown),
                kind=kind,
                layers=", ".join(encoder.layers),
            )
    chosen = {
        kind: {name: weight for name, weight in layers.items() if weight > 0}
        for kind, layers in given.items()
        if layers is not None
    }
    return choice.model_copy(update=chosen)


def _strength(strength: float) -> tuple[float, float]:
    """Factors of the weights of content and of style; both 1 at a strength of 0.5.

    At 0 the style's is 0, at 1 the content's. In between the ratio is squared, as the look depends
    on the order of magnitude of the weights. Below a hundredth nothing more changes visibly.
    """
    if strength <= 0:
        return 1.0, 0.0
    strength = max(strength, _LEAST_STRENGTH)
    return ((1 - strength) / strength) ** 2, 1.0


def _shares(layers: Mapping[str, float]) -> dict[str, float]:
    total = sum(layers.values())
    return {name: weight / total for name, weight in layers.items()} if total else {}


def _first(chosen: _T | None, otherwise: _T) -> _T:
    return otherwise if chosen is None else chosen
