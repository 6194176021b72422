"""Painting on torch's meta device, as a stand-in for a GPU: tensors have shapes but no values.

Reading a value raises an error there; on a GPU it would make the CPU wait.
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

META, SIZE = torch.device("meta"), (64, 48)


class NoTransfers(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Fails at operations on tensors of several devices, and at transfers between devices.

    torch itself checks most operations, but not matrix products and convolutions.
    """

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        tensors = [one for one in tree_leaves((args, kwargs, result)) if isinstance(one, Tensor)]
        assert len({one.device.type for one in tensors}) < 2, func
        return result


@pytest.fixture
def _no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace torch's compiler, which the meta device imports in 3 s without using it."""
    compiler = SimpleNamespace(disable=lambda function, *_, **__: function)
    monkeypatch.setitem(sys.modules, "torch._dynamo", compiler)
    monkeypatch.setattr(torch, "_dynamo", compiler, raising=False)


def objective(encoder: LiteEncoder, monkeypatch: pytest.MonkeyPatch) -> Objective:
    """The objective of a photograph with a face and a mask; reading values is allowed here."""
    content, style = noise_picture(*SIZE), noise_picture(64, 64, seed=2)
    shares = torch.linspace(0, 1, SIZE[0] * SIZE[1]).view(SIZE)
    inputs = Inputs(content=content, styles=(Style(style),), faces=shares, mask=shares)
    plan = make_plan(PaintOptions(size_px=64, scales=1), load_recipe("atelier"), encoder, SIZE)
    to_float, to_cpu = Tensor.__float__, Tensor.cpu
    with monkeypatch.context() as patch:
        patch.setattr(Tensor, "__float__", lambda one: 0.5 if one.is_meta else to_float(one))
        patch.setattr(
            Tensor,
            "cpu",
            lambda one: torch.ones(one.shape, dtype=one.dtype) if one.is_meta else to_cpu(one),
        )
        result = make_objective(Measuring(encoder, plan), inputs, content.pixels[None].to(META))
        evaluate(result, on_meta(content))  # the first evaluation reads the area of the mask
    return result


def on_meta(picture: Picture) -> Tensor:
    return picture.pixels[None].to(META)


@pytest.mark.usefixtures("_no_compiler")
def test_iteration_transfers_nothing_to_or_from_the_card(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoder = LiteEncoder(device=META, dtype=torch.bfloat16)
    result, recipe = objective(encoder, monkeypatch), load_recipe("atelier")
    bands = bands_for(encoder, result.layers(), SIZE, 10**6)
    assert bands is not None
    for history, tiling in ((History(2), None), (None, bands)):
        optimizer = make_optimizer(history, on_meta(noise_picture(*SIZE)), recipe.optimizer)
        with NoTransfers():  # type: ignore[no-untyped-call]
            found = evaluate(result, optimizer.point, tiling)
            loss_figures = found.figures()
            optimizer.update(found, 0.5)
        assert {one.dtype for one in loss_figures.values()} == {torch.float32}
        assert optimizer.point.device == META
        with pytest.raises(RuntimeError, match="meta"):
            float(found.loss)
