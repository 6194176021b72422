"""The versions that a job paints to choose from: each is a painting of its own."""

from dataclasses import dataclass

from common.options import MAX_SEED, PaintInputs, PaintOptions

SOFTEST_VARIANT = 0.3
STRONGEST_VARIANT = 0.9


@dataclass(frozen=True, slots=True)
class Variant:
    """One version: what it is painted from, and how; its own options ask for one version."""

    inputs: PaintInputs
    options: PaintOptions


def variants_of(inputs: PaintInputs, options: PaintOptions) -> tuple[Variant, ...]:
    """The versions that a job's inputs and options stand for, in their order.

    There are as many as the options say, but never more than there are styles, or photographs,
    where these make the difference. None of several is filmed.
    """
    if options.variants == 1:
        return (Variant(inputs, options),)
    alone = options.model_copy(update={"variants": 1, "vary": "seed", "timelapse": False})
    match options.vary:
        case "style":
            return tuple(
                Variant(_in_style(inputs, number), alone)
                for number in range(min(options.variants, len(inputs.styles)))
            )
        case "photo":
            photos = (inputs.content, *inputs.more_contents)[: options.variants]
            if inputs.erased:  # of which nothing is left but how many they were
                photos = ("",) * options.variants
            return tuple(Variant(_of_photo(inputs, photo), alone) for photo in photos)
        case "strength":
            step = (STRONGEST_VARIANT - SOFTEST_VARIANT) / (options.variants - 1)
            strengths = (SOFTEST_VARIANT + number * step for number in range(options.variants))
            changes = [{"strength": round(strength, 2)} for strength in strengths]
        case _:  # "seed"
            seeds = range(options.seed, options.seed + options.variants)
            changes = [{"seed": seed % (MAX_SEED + 1)} for seed in seeds]
    return tuple(Variant(inputs, alone.model_copy(update=change)) for change in changes)


def _of_photo(inputs: PaintInputs, photo: str) -> PaintInputs:
    """The inputs with one of their photographs alone; a mask is of the first."""
    if photo == inputs.content:
        return inputs.model_copy(update={"more_contents": ()})
    alone = {"content": photo, "more_contents": (), "mask": None, "content_aspect": None}
    return inputs.model_copy(update=alone)


def _in_style(inputs: PaintInputs, number: int) -> PaintInputs:
    """The inputs with one of their styles alone."""
    masks = inputs.style_masks[number : number + 1]
    style = inputs.styles[number].model_copy(update={"weight": 1.0})
    return inputs.model_copy(update={"styles": (style,), "style_masks": masks})
