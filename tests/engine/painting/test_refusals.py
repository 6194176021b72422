"""Invalid inputs that are refused before painting."""

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from common.options import PaintOptions
from engine.networks.encoder import WeightsError
from engine.networks.weights import load_weights
from engine.painting import PaintSettingsError, Studio, Style
from engine.painting.devices import parse_memory
from engine.painting.inputs import check_inputs
from engine.painting.plan import make_plan
from engine.recipes.recipe import load_recipe
from tests.kit.thin_vgg19 import STYLE, noise_picture, paint_and_collect, thin_vgg19, thin_weights

CONTENT = noise_picture(48, 64)
BLACK = torch.zeros(48, 64)


@pytest.mark.parametrize("weight", [math.nan, math.inf, 0.0])
def test_style_weights_must_be_finite_and_above_zero(weight: float) -> None:
    with pytest.raises(PaintSettingsError, match="must be above 0"):
        check_inputs(CONTENT, [Style(STYLE.picture, weight=weight)], PaintOptions(), None, None)


def test_styles_masked_out_of_the_painted_area_are_refused() -> None:
    left, right = BLACK.clone(), BLACK.clone()
    left[:, :30], right[:, 30:] = 1, 1
    styles = [Style(STYLE.picture, mask=BLACK), Style(STYLE.picture, mask=left)]
    check_inputs(CONTENT, styles, PaintOptions(), None, None)
    for selected, mask in ((styles[:1], None), (styles, right)):
        with pytest.raises(PaintSettingsError, match="are black"):
            check_inputs(CONTENT, selected, PaintOptions(), mask, None)


@pytest.mark.parametrize("keep_colors", ["match", "histogram"])
def test_matching_colors_is_refused_for_styles_of_statistics_alone(keep_colors: str) -> None:
    selected = PaintOptions.model_validate({"keep_colors": keep_colors})
    style = Style(fingerprints=[None])  # type: ignore[list-item]  # (never read)
    with pytest.raises(PaintSettingsError, match="only statistics"):
        check_inputs(CONTENT, [style], selected, None, None)


def test_tiny_strengths_count_as_one_hundredth() -> None:
    weights = [
        make_plan(
            PaintOptions(strength=strength), load_recipe("atelier"), thin_vgg19(), (48, 64)
        ).weights["content"]
        for strength in (0.01, 1e-25, 1e-200)
    ]
    assert weights[0] == weights[1] == weights[2] < math.inf


def test_infinite_amount_of_memory_is_refused() -> None:
    with pytest.raises(PaintSettingsError, match="2GiB"):
        parse_memory("9" * 400)


def test_pooling_unsupported_by_the_network_is_noted() -> None:
    options = PaintOptions(
        size_px=64, scales=1, iterations=1, network="lite", pooling="max", strength=0
    )
    painted, _ = paint_and_collect(options, Studio(precision="fp32"))
    assert "by average pooling only" in str(painted.report.notes[-1])


@pytest.mark.parametrize("fault", ["no bias", "another shape", "a list"])
def test_malformed_weights_files_are_refused(fault: str, tmp_path: Path) -> None:
    tensors = dict(thin_weights(2).tensors)
    file = tmp_path / "weights.safetensors"
    match fault:
        case "no bias":
            del tensors["features.2.bias"]
        case "another shape":
            tensors["features.2.weight"] = torch.rand(8, 5, 3, 3)
        case _:
            file = tmp_path / "weights.pth"
            torch.save([1, 2], file)
    if fault != "a list":
        save_file(tensors, file)
    with pytest.raises(WeightsError, match="weights"):
        load_weights(file)
