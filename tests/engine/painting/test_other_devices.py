"""What a card would meet, on a device of torch's that has shapes and types but no numbers.

To read a number from it fails, as to read one from a card makes the processor wait for the card.
"""

import sys
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from common.options import PaintOptions
from engine.lite.encoder import LiteEncoder
from engine.painting import Picture, Style
from engine.painting.gradient import evaluate
from engine.painting.inputs import Inputs
from engine.painting.measuring import Measuring
from engine.painting.memory import History, bands_for
from engine.painting.objective import Objective, make_objective
from engine.painting.optimizers import make_optimizer
from engine.painting.plan import make_plan
from engine.recipes.recipe import load_recipe
from tests.kit.thin_vgg19 import noise_picture

CARD, SIZE = torch.device("meta"), (64, 48)


class OneDevice(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Nothing is computed from numbers here and there, and nothing is brought there or back.

    Most of torch's own checks see that too, but not those of products and convolutions.
    """

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        tensors = [one for one in tree_leaves((args, kwargs, made)) if isinstance(one, Tensor)]
        assert len({one.device.type for one in tensors}) < 2, func
        return made


@pytest.fixture
def _no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """What works out shapes asks torch's compiler to leave it alone, which takes 3 s to import."""
    compiler = SimpleNamespace(disable=lambda function, *_, **__: function)
    monkeypatch.setitem(sys.modules, "torch._dynamo", compiler)
    monkeypatch.setattr(torch, "_dynamo", compiler, raising=False)


def objective(encoder: LiteEncoder, monkeypatch: pytest.MonkeyPatch) -> Objective:
    """That of a photograph with a face and a mask; while it is made, numbers may be read."""
    content, style = noise_picture(*SIZE), noise_picture(64, 64, seed=2)
    shares = torch.linspace(0, 1, SIZE[0] * SIZE[1]).view(SIZE)
    inputs = Inputs(content=content, styles=(Style(style),), faces=shares, mask=shares)
    plan = make_plan(PaintOptions(size_px=64, scales=1), load_recipe("atelier"), encoder, SIZE)
    number, back = Tensor.__float__, Tensor.cpu
    with monkeypatch.context() as reading:
        reading.setattr(Tensor, "__float__", lambda one: 0.5 if one.is_meta else number(one))
        reading.setattr(
            Tensor,
            "cpu",
            lambda one: torch.ones(one.shape, dtype=one.dtype) if one.is_meta else back(one),
        )
        made = make_objective(Measuring(encoder, plan), inputs, content.pixels[None].to(CARD))
        evaluate(made, on_card(content))  # How much a mask covers is read in the first one.
    return made


def on_card(picture: Picture) -> Tensor:
    return picture.pixels[None].to(CARD)


@pytest.mark.usefixtures("_no_compiler")
def test_iteration_transfers_nothing_to_or_from_the_card(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoder = LiteEncoder(device=CARD, dtype=torch.bfloat16)
    made, recipe = objective(encoder, monkeypatch), load_recipe("atelier")
    bands = bands_for(encoder, made.layers(), SIZE, 10**6)
    assert bands is not None
    for history, way in ((History(2), None), (None, bands)):
        optimizer = make_optimizer(history, on_card(noise_picture(*SIZE)), recipe.optimizer)
        with OneDevice():  # type: ignore[no-untyped-call]
            found = evaluate(made, optimizer.point, way)
            figures = found.figures()
            optimizer.update(found, 0.5)
        assert {one.dtype for one in figures.values()} == {torch.float32}
        assert optimizer.point.device == CARD
        with pytest.raises(RuntimeError, match="meta"):
            float(found.loss)
