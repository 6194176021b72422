"""Recipes: layers, weights and schedule of a painting, one TOML file each."""

import tomllib
from collections.abc import Collection
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common.options import Statistic
from engine.errors import PaintSettingsError

_Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Iterations(_Table):
    """Iterations at the first, smallest scale, and at each later one."""

    first: int = Field(200, ge=1)
    later: int = Field(100, ge=1)


class Moving(_Table):
    """How frames of a clip are painted that start from earlier frames.

    temporal_weight: weight of the term of temporal consistency.
    scales: number of scales, the largest ones.
    share: iterations at each scale, relative to those of a single picture.
    """

    temporal_weight: _Weight = 10.0
    scales: int = Field(2, ge=1)
    share: Annotated[float, Field(gt=0, le=1)] = 0.4


class LayerChoice(_Table):
    """Layers with their weights; used is the first choice of which the network has all layers.

    Choices may also have other weights of whole terms. `terms` has those of the terms besides
    content, style and variation. `lbfgs` replaces the pyramid's iterations with L-BFGS, and
    `moving` the recipe's table. `calm` is the weight of the style loss between calm parts, relative
    to that of the whole pictures; see `engine.painting.calm`. `dark` is added to the weight of the
    grain term, of 1, where the photograph is nearly black.
    """

    content: dict[str, _Weight]
    style: dict[str, _Weight]
    content_weight: _Weight
    style_weight: _Weight = 1.0
    tv_weight: _Weight = 0.0
    calm: _Weight = 0.0
    dark: _Weight = 0.0
    terms: dict[str, _Weight] = {}
    lbfgs: Iterations | None = None
    moving: Moving | None = None


class Loss(_Table):
    """Form of the losses.

    units: `relative` divides each layer's loss by the size of its target, which makes it
        independent of the scale of a network's features; `caffe` and `torchvision` scale features
        as with those weights, for the papers' literal losses.
    content: `mean` over positions and channels, or the papers' `half-sum`.
    means, deviations: weights of the channels' means and standard deviations besides the Gram
        matrix, each relative to the size of its target. Equal Gram matrices allow others, visible
        as patches that are washed out or too bright (Risser et al., 2017).
    faces: added to the content's weight, of 1, in faces, if these are to be kept.
    """

    statistic: Statistic = "gram"
    units: Literal["relative", "caffe", "torchvision"] = "relative"
    content: Literal["mean", "half-sum"] = "mean"
    means: _Weight = 0.0
    deviations: _Weight = 0.0
    faces: _Weight = 0.0


class OptimizerSettings(_Table):
    """Which optimizer, and its settings; steps are in units of the picture's 0..1.

    name: the one to use.
    lbfgs_most_px: scales with a longer side are painted with Adam in any case, as the history of
        L-BFGS would take more memory than the network.
    history: number of pairs of L-BFGS.
    step, betas: of Adam.
    averaging: decay of the exponential average of Adam's iterates, which is the result.
    final_step_share: Adam's step at the end of a scale, relative to that at its beginning.
    """

    name: Literal["adam", "lbfgs"] = "adam"
    lbfgs_most_px: int = Field(8192, ge=16)
    history: int = Field(10, ge=1)
    step: _Positive = 0.02
    betas: tuple[float, float] = (0.9, 0.99)
    averaging: Annotated[float, Field(ge=0, lt=1)] = 0.99
    final_step_share: Annotated[float, Field(gt=0, le=1)] = 1.0


class Pyramid(_Table):
    """Sizes, and iterations for each optimizer, which `common.options.QUALITY_WORK` multiplies.

    smallest_px: least longer side of a scale.
    factor: ratio of the sides of two scales, counted back from the last one.
    even_factor: approximate ratio to use instead if the number of scales is not given, adjusted so
        that the first scale has the smallest size; None for `factor`.
    """

    smallest_px: int = Field(128, ge=16)
    factor: Annotated[float, Field(gt=1)] = 2**0.5
    even_factor: Annotated[float, Field(gt=1)] | None = None
    adam: Iterations = Iterations()
    lbfgs: Iterations = Iterations()


class Beginning(_Table):
    """What scales start from, besides the picture so far.

    colors_first: how far the photograph is first recolored to the styles' palette, unless its
        colors are to be kept. The result is both start and content target, so no iteration is spent
        on colors, and the content does not preserve those of the photograph.
    detail: share of the photograph's finest detail that is added at each enlargement, as no smaller
        scale has it.
    """

    colors_first: Annotated[float, Field(ge=0, le=1)] = 0.0
    detail: Annotated[float, Field(ge=0, le=1)] = 0.0


class Recipe(_Table):
    """A recipe; options of a job that are not None have precedence."""

    title: str
    choices: tuple[LayerChoice, ...] = Field(min_length=1)
    loss: Loss = Loss()
    optimizer: OptimizerSettings = OptimizerSettings()
    pyramid: Pyramid = Pyramid()
    start: Beginning = Beginning()
    moving: Moving = Moving()
    pooling: Literal["max", "average"] = "max"
    style_fit: Literal["resize", "crop", "mirror"] = "resize"

    def choice_for(self, layers: Collection[str]) -> LayerChoice | None:
        """The first choice whose layers are all among these; None if there is none."""
        there = set(layers)
        for choice in self.choices:
            if there.issuperset(choice.content) and there.issuperset(choice.style):
                return choice
        return None

    def for_choice(self, choice: LayerChoice) -> "Recipe":
        """The same with the tables that a choice replaces."""
        pyramid = self.pyramid.model_copy(update={"lbfgs": choice.lbfgs or self.pyramid.lbfgs})
        return self.model_copy(update={"pyramid": pyramid, "moving": choice.moving or self.moving})


@cache
def recipe_names() -> tuple[str, ...]:
    """Names of all recipes, in alphabetical order."""
    names = (entry.name for entry in files("engine.recipes").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


@cache
def load_recipe(name: str) -> Recipe:
    """The recipe of this name.

    Raises:
        PaintSettingsError: there is no such recipe.
    """
    if name not in recipe_names():
        raise PaintSettingsError(
            "There is no recipe {name!r}; choose one of: {names}.",
            name=name,
            names=", ".join(recipe_names()),
        )
    text = files("engine.recipes").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    return parse_recipe(text, name)


def parse_recipe(text: str, name: str) -> Recipe:
    """Parse a recipe from TOML.

    Raises:
        PaintSettingsError: invalid; the text says where.
    """
    try:
        return Recipe.model_validate(tomllib.loads(text))
    except (ValidationError, tomllib.TOMLDecodeError) as error:
        raise PaintSettingsError(
            "The recipe {name!r} cannot be read: {error}", name=name, error=str(error)
        ) from error
