"""The versions of a job; each is a painting of its own."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import reduce
from itertools import compress
from typing import Any

from common.catalogue import load_catalogue
from common.options import (
    MAX_SEED,
    SOFTEST_VARIANT,
    STRONGEST_VARIANT,
    PaintInputs,
    PaintOptions,
)
from common.sentences import Sentence, Value, sentence

_LIST = "{before}, {name}"


@dataclass(frozen=True, slots=True)
class Variant:
    """One version of a job: its inputs, and options that ask for a single version."""

    inputs: PaintInputs
    options: PaintOptions


def variants_of(inputs: PaintInputs, options: PaintOptions) -> tuple[Variant, ...]:
    """The versions of a job, in order.

    Their number is that of the options, but at most that of the styles or photographs if the
    versions differ by those. With several versions none has a time-lapse.
    """
    if options.variants == 1:
        return (Variant(inputs, options),)
    single = {"variants": 1, "vary": "seed", "softest": SOFTEST_VARIANT, "timelapse": False}
    alone = options.model_copy(update=single)
    match options.vary:
        case "style":
            return tuple(
                Variant(_in_style(inputs, number), alone)
                for number in range(min(options.variants, len(inputs.styles)))
            )
        case "photo":
            photos = (inputs.content, *inputs.more_contents)[: options.variants]
            if inputs.erased:  # only their number is left
                photos = ("",) * options.variants
            return tuple(
                Variant(_of_photo(inputs, photo, number), alone)
                for number, photo in enumerate(photos)
            )
        case "strength":
            # Half percents are rounded up, however the additions before them were rounded.
            changes = [{"strength": round(each + 1e-9, 2)} for each in _strengths(options)]
        case _:  # "seed"
            seeds = range(options.seed, options.seed + options.variants)
            changes = [{"seed": seed % (MAX_SEED + 1)} for seed in seeds]
    return tuple(Variant(inputs, alone.model_copy(update=change)) for change in changes)


def rest_of(inputs: PaintInputs, options: PaintOptions, finished: int) -> Variant | None:
    """What is left of a job with several versions, as a job of its own.

    Its versions are exactly those that the job would have painted next.

    Args:
        inputs: of the job.
        options: of the job.
        finished: how many of its versions are finished.

    Returns:
        Inputs and options, which may again ask for several versions; None if nothing is left.
    """
    left = variants_of(inputs, options)[finished:]
    if len(left) <= 1:
        return left[0] if left else None
    first = left[0]
    update: dict[str, Any] = {"variants": len(left)}
    match options.vary:
        case "style":
            styles, masks = inputs.styles[finished:], inputs.style_masks[finished:]
            inputs = inputs.model_copy(update={"styles": styles, "style_masks": masks})
        case "photo":
            more = {"more_contents": tuple(each.inputs.content for each in left[1:])}
            said = {"alt_texts": inputs.alt_texts[finished:]}
            inputs = first.inputs.model_copy(update={**more, **said})
        case "strength":
            update["softest"] = _strengths(options)[finished]  # rounded, it would shift the others
        case _:  # "seed"
            update["seed"] = first.options.seed
    return Variant(inputs, options.model_copy(update=update))


def without_styles(
    inputs: PaintInputs, options: PaintOptions, presets: Collection[str]
) -> tuple[PaintInputs, PaintOptions]:
    """A job with one version per style, without some of its styles.

    Args:
        inputs: of the job.
        options: of the job.
        presets: IDs of the paintings to remove.
    """
    stays = [style.preset is None or style.preset not in presets for style in inputs.styles]
    styles = tuple(compress(inputs.styles, stays))
    masks = tuple(compress(inputs.style_masks, stays))
    if len(styles) == 1:
        styles = (styles[0].model_copy(update={"weight": 1.0}),)
    count = max(1, min(options.variants - stays.count(False), len(styles)))
    return (
        inputs.model_copy(update={"styles": styles, "style_masks": masks}),
        options.model_copy(update={"variants": count, "vary": "style" if count > 1 else "seed"}),
    )


def left_out(presets: Collection[str]) -> Sentence:
    """The note about paintings that were left out because they are unavailable."""
    names = [_name_of(preset) for preset in presets]
    return sentence(
        "Left out, because the download failed: {styles}.", styles=reduce(_listed, names)
    )


def _name_of(preset: str) -> Value:
    painting = load_catalogue().get(preset)
    return preset if painting is None else painting.titled


def _listed(before: Value, name: Value) -> Value:
    return Sentence(_LIST, {"before": before, "name": name})


def _strengths(options: PaintOptions) -> list[float]:
    """The strengths of versions that differ by it, before they are rounded to percents."""
    step = (STRONGEST_VARIANT - options.softest) / (options.variants - 1)
    return [options.softest + number * step for number in range(options.variants)]


def _of_photo(inputs: PaintInputs, photo: str, number: int) -> PaintInputs:
    """The inputs with one of the photographs only; the mask belongs to the first."""
    said = inputs.alt_texts[number : number + 1]
    alone: dict[str, Any] = {"more_contents": (), "alt_texts": said}
    if photo != inputs.content:
        alone |= {"content": photo, "mask": None, "content_aspect": None}
    return inputs.model_copy(update=alone)


def _in_style(inputs: PaintInputs, number: int) -> PaintInputs:
    """The inputs with one of the styles only."""
    masks = inputs.style_masks[number : number + 1]
    style = inputs.styles[number].model_copy(update={"weight": 1.0})
    return inputs.model_copy(update={"styles": (style,), "style_masks": masks})
