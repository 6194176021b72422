from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from common.options import PaintOptions
from engine.painting import Painted, Picture, Stepped, Style, painter
from engine.painting.inputs import check_inputs
from engine.painting.painter import paint_inputs
from engine.painting.plainness import content_shares, is_plain
from engine.painting.studio import Studio

LAYERS = ("form3_1", "form4_2")


def noise(*size: int) -> Tensor:
    return torch.randn(3, *size, generator=torch.Generator().manual_seed(0))


def shares(pixels: Tensor) -> list[float]:
    encoder = Studio(precision="fp32").encoder("lite", "average")
    return list(content_shares(encoder, pixels, LAYERS).values())


def gradient(lightest: float) -> Tensor:
    return torch.linspace(0, lightest, 96)[None, :, None].expand(3, -1, 128).contiguous()


def test_lively_picture_has_all_of_the_contents_weight() -> None:
    lively = (0.5 + 0.2 * noise(96, 128)).clamp(0, 1)
    assert shares(lively) == [1.0, 1.0]
    assert not is_plain(lively)
    assert is_plain(gradient(1.0))


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (96, 128), (300, 200)])
def test_one_color_has_the_least_of_the_contents_weight(size: tuple[int, int]) -> None:
    pixels = torch.full((3, *size), 0.5)
    assert shares(pixels) == [0.02, 0.02]
    assert shares(pixels + 0.4 / 255 * noise(*size)) == [0.02, 0.02]


def test_weight_of_the_content_rises_with_the_contrast() -> None:
    faint, strong = shares(gradient(0.5)), shares(gradient(1.0))
    assert all(0.02 < one < other < 1 for one, other in zip(faint, strong, strict=True))


@pytest.mark.parametrize(
    ("of_clip", "recipe", "weight"),
    [(False, "atelier", 0.02), (True, "atelier", 1.0), (False, "gatys", 1.0)],
)
def test_only_relative_losses_of_single_pictures_are_lowered(
    of_clip: bool, recipe: str, weight: float
) -> None:
    plain = Picture(torch.full((3, 48, 64), 0.5))
    options = PaintOptions(
        network="lite",
        recipe=recipe,
        size_px=64,
        scales=1,
        iterations=1,
        content_layers={"form4_2": 1},
        style_layers={"form2_2": 1},
    )
    inputs = check_inputs(plain, [Style(Picture(noise(48, 64).clamp(0, 1)))], options, None, None)
    studio = Studio(precision="fp32")
    *_, last = paint_inputs(inputs, options, studio=studio, of_clip=of_clip)
    assert isinstance(last, Painted)
    assert last.report.settings["content_layers"] == {"form4_2": weight}


def test_plain_painting_goes_on_where_an_engine_measures_slightly_other_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = PaintOptions(network="lite", size_px=64, scales=1, iterations=4)
    style = Style(Picture(noise(48, 64).clamp(0, 1)))
    inputs = check_inputs(Picture(gradient(0.5)), [style], options, None, None)
    studio = Studio(precision="fp32")
    events = paint_inputs(inputs, options, studio=studio)
    checkpoint = next(event.brief_checkpoint() for event in events if isinstance(event, Stepped))

    def measured_elsewhere(*given: Any) -> Mapping[str, float]:
        return {name: share * 1.000001 for name, share in content_shares(*given).items()}

    monkeypatch.setattr(painter, "content_shares", measured_elsewhere)
    *_, last = paint_inputs(inputs, options, studio=studio, resume=checkpoint)
    assert isinstance(last, Painted)
