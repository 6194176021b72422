"""Recipes: which layers, weights and schedule make a painting. Data, one TOML file each."""

import tomllib
from collections.abc import Collection
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common.options import QUALITY_WORK, Quality, Statistic
from engine.errors import PaintSettingsError

_Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TermChoice(_Table):
    """Weight of a term of `engine.painting.terms`.

    keeps: whether it keeps the photograph, as the content does; it then weighs less the stronger
        the style is to be.
    """

    weight: _Weight
    keeps: bool = False


class Iterations(_Table):
    """Iterations at the first, smallest scale, and at each later one."""

    first: int = Field(200, ge=1)
    later: int = Field(100, ge=1)


class Moving(_Table):
    """How those frames of a moving picture are painted that begin from the ones before them.

    temporal_weight: of the term that holds them to those.
    scales: how many sizes they pass, the largest ones.
    share: their iterations at each, in parts of those of a picture that stands alone.
    """

    temporal_weight: _Weight = 10.0
    scales: int = Field(2, ge=1)
    share: Annotated[float, Field(gt=0, le=1)] = 0.4


class LayerChoice(_Table):
    """Layers with their weights; the first choice that the network has all layers of is taken.

    The weights of whole terms may differ between choices, as deeper layers weigh differently.
    `terms` are those besides content, style and variation; `lbfgs` stands for the pyramid's
    iterations with L-BFGS, `moving` for the recipe's. `calm` is what the photograph's calm parts,
    held to the painting's calm parts, count beside the whole; see `engine.painting.calm`. `dark` is
    by how much more the term on grain counts where the photograph is nearly black.
    """

    content: dict[str, _Weight]
    style: dict[str, _Weight]
    content_weight: _Weight
    style_weight: _Weight = 1.0
    tv_weight: _Weight = 0.0
    calm: _Weight = 0.0
    dark: _Weight = 0.0
    terms: dict[str, TermChoice] = {}
    lbfgs: Iterations | None = None
    moving: Moving | None = None


class Loss(_Table):
    """Form of the losses.

    units: `relative` divides each layer's loss by the size of its target, so that it does not
        matter how large a network's features are; `caffe` and `torchvision` take the features
        as they would be with these weights, for the papers' literal forms.
    content: `mean` over positions and channels, or the papers' `half-sum`.
    tv: `mean` over the pixels, or their `sum`; pixels in the same units as the features.
    means, deviations: weights of the channels' means and deviations beside their Gram matrix, each
        by the size of its own target. Equal Gram matrices allow others, seen as patches that are
        washed out or too bright (Risser et al., 2017).
    faces: by how much more the content counts in faces, where these are to be kept.
    style_layers_sum_to_one: whether the layers' weights are made to.
    """

    statistic: Statistic = "gram"
    units: Literal["relative", "caffe", "torchvision"] = "relative"
    content: Literal["mean", "half-sum"] = "mean"
    tv: Literal["mean", "sum"] = "mean"
    means: _Weight = 0.0
    deviations: _Weight = 0.0
    faces: _Weight = 0.0
    style_layers_sum_to_one: bool = True


class OptimizerSettings(_Table):
    """Which optimizer, and its settings; steps are in units of the picture's 0..1.

    name: the one to use.
    lbfgs_most_px: scales with a longer side than this are painted with Adam all the same, as the
        history of L-BFGS would take more memory than the network.
    history: of L-BFGS, in pairs.
    step, betas: of Adam.
    averaging: decay of the average over Adam's iterates, which is the result.
    final_step_share: Adam's step at the end of a scale, in parts of that at its beginning.
    min_improvement: a scale ends when ten iterations improve the loss by a smaller share.
    """

    name: Literal["adam", "lbfgs"] = "adam"
    lbfgs_most_px: int = Field(8192, ge=16)
    history: int = Field(10, ge=1)
    step: _Positive = 0.02
    betas: tuple[float, float] = (0.9, 0.99)
    averaging: Annotated[float, Field(ge=0, lt=1)] = 0.99
    final_step_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    min_improvement: Annotated[float, Field(ge=0, le=1)] = 0.0


class Pyramid(_Table):
    """Sizes, and iterations for each optimizer; `qualities` multiplies these.

    smallest_px: no scale has a longer side that is shorter.
    factor: from one scale's sides to the next one's, back from the last one.
    even_factor: about this instead, where nobody says how many scales, such that the first is of
        the smallest size and all are like factors apart; None for `factor`.
    """

    smallest_px: int = Field(128, ge=16)
    factor: Annotated[float, Field(gt=1)] = 2**0.5
    even_factor: Annotated[float, Field(gt=1)] | None = None
    adam: Iterations = Iterations()
    lbfgs: Iterations = Iterations()
    qualities: dict[Quality, _Positive] = dict(QUALITY_WORK)


class Beginning(_Table):
    """What scales begin with, besides the picture so far.

    colors_first: how far the photograph is first brought to the styles' palette, where its colours
        are not to be kept; the painting starts from that, and its content is that. No iteration is
        spent on colours then, and the content does not hold on to the photograph's.
    detail: share of the photograph's own finest detail that is added at each enlargement, as no
        smaller scale knows of it.
    """

    colors_first: Annotated[float, Field(ge=0, le=1)] = 0.0
    detail: Annotated[float, Field(ge=0, le=1)] = 0.0


class Recipe(_Table):
    """All that a recipe says; settings of a job that are not None come before it."""

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
        """The first choice all of whose layers there are."""
        there = set(layers)
        for choice in self.choices:
            if there.issuperset(choice.content) and there.issuperset(choice.style):
                return choice
        return None

    def for_choice(self, choice: LayerChoice) -> "Recipe":
        """The same with what a choice has of its own: iterations, and how frames are painted."""
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
        PaintSettingsError: there is none of this name.
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
    """A recipe from TOML.

    Raises:
        PaintSettingsError: with the places that are wrong.
    """
    try:
        return Recipe.model_validate(tomllib.loads(text))
    except (ValidationError, tomllib.TOMLDecodeError) as error:
        raise PaintSettingsError(
            "The recipe {name!r} cannot be read: {error}", name=name, error=str(error)
        ) from error
