import json
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from engine.painting import Stepped, paint, terms
from engine.painting.checkpoint import from_bytes
from engine.painting.inputs import Inputs
from engine.painting.measuring import Measuring
from engine.painting.terms import OwnFeatures, Sums, Term
from engine.painting.tiles import Region
from engine.pipeline.recording import loss_files
from engine.recipes.recipe import load_recipe, parse_recipe, recipe_names
from tests.kit.thin_vgg19 import (
    QUICK_OPTIONS,
    STYLE,
    noise_picture,
    paint_and_collect,
    quick_options,
    step_events,
    thin_studio,
)

RECIPE = """
title = "with a term of its own"
[[choices]]
content = { relu2_1 = 1.0 }
style = { relu1_1 = 1.0 }
content_weight = 0.05
tv_weight = 0.1
[choices.terms]
brightness = 3.0
[optimizer]
name = "adam"
"""


@dataclass(frozen=True, eq=False)
class Brightness(Term):
    """A term with a loss in all three places: sums, features and pixels."""

    weight: float
    count: int
    name = "brightness"
    layers = ("relu1_2",)
    summed = ("relu1_2",)

    @classmethod
    def made(cls, measuring: Measuring, _: Inputs, content: Tensor) -> "Brightness":
        return cls(measuring.plan.weights["brightness"], content.shape[-1] * content.shape[-2])

    def sums(self, layer: str, features: Tensor, core: Region) -> Sums:
        return {layer: features.sum() / self.count}

    def loss(self, sums: Sums) -> tuple[Tensor, Sums]:
        mean = sums["relu1_2"]
        return self.weight * mean.square(), {"relu1_2": 2 * self.weight * mean}

    def at_features(self, own: OwnFeatures, grads: Sums) -> Tensor:
        own.add((grads[own.layer] / self.count).expand_as(own.grad))
        own.add((self.weight * own.values / self.count).expand_as(own.grad))
        return self.weight * own.values.square().sum() / 2 / self.count

    def at_pixels(self, picture: Tensor, core: Region, gradient: Tensor) -> Tensor:
        core.of(gradient).add_(self.weight / self.count)
        return self.weight * core.of(picture).sum() / self.count


@pytest.fixture
def _brightness_term(monkeypatch: pytest.MonkeyPatch) -> None:
    made = {**terms.TERMS, "brightness": Brightness.made}
    monkeypatch.setattr("engine.painting.objective.TERMS", made)
    recipe = parse_recipe(RECIPE, "mine")
    monkeypatch.setattr("engine.painting.painter.load_recipe", lambda _: recipe)


@pytest.mark.usefixtures("_brightness_term")
def test_custom_term_is_reported_by_name_everywhere() -> None:
    painted, events = paint_and_collect(QUICK_OPTIONS, thin_studio())
    names = ["style", "content", "tv", "brightness"]
    for losses in (*painted.report.losses, step_events(events)[-1].losses()):
        assert list(losses.terms) == names
        assert losses.total == pytest.approx(sum(losses.terms.values()))
        assert losses.terms["brightness"] > 0
    line = json.loads(loss_files(painted.report)["losses.jsonl"].splitlines()[0])
    assert list(line["terms"]) == names
    assert painted.report.settings["brightness_weight"] == 3.0


@pytest.mark.usefixtures("_brightness_term")
def test_custom_term_is_minimized_and_the_same_in_tiles() -> None:
    whole, _ = paint_and_collect(quick_options(size_px=160, scales=1), thin_studio())
    tiled, _ = paint_and_collect(quick_options(size_px=160, scales=1, tile_px=64), thin_studio())
    assert tiled.report.tiles > 1
    first, last = whole.report.losses[0].terms, whole.report.losses[-1].terms
    assert last["brightness"] < first["brightness"]
    torch.testing.assert_close(tiled.report.losses[0].terms, dict(first), rtol=1e-4, atol=0)
    torch.testing.assert_close(tiled.picture.pixels, whole.picture.pixels, rtol=0, atol=0.02)


@pytest.mark.usefixtures("_brightness_term")
def test_checkpoint_keeps_loss_terms_by_name() -> None:
    events = paint(noise_picture(48, 64), [STYLE], QUICK_OPTIONS, studio=thin_studio())
    first = next(event for event in events if isinstance(event, Stepped))
    (losses,) = from_bytes(first.checkpoint()).header.losses
    assert list(losses.terms) == ["style", "content", "tv", "brightness"]


@pytest.mark.usefixtures("_brightness_term")
def test_custom_term_weighs_nothing_at_zero_strength() -> None:
    painted, _ = paint_and_collect(quick_options(strength=0.0), thin_studio())
    assert painted.report.settings["brightness_weight"] == 0


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_name_only_existing_terms(name: str) -> None:
    for choice in load_recipe(name).choices:
        assert set(choice.terms) <= set(terms.TERMS)
