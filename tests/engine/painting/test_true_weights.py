"""Precision with the original VGG-19 weights and real photographs."""

import pytest

from common.options import PaintOptions
from engine.painting import Painted, Picture, Studio, Style, paint
from tests.kit.pictures import decoded, photograph


def paint_small(precision: str) -> Painted:
    names = ("coffee.png", "chelsea.png")
    images = (decoded(photograph(name)).crop((0, 20, 160, 100)) for name in names)
    content, style = map(Picture.from_image, images)
    # Small, as bf16 is slow on processors without support for it.
    options = PaintOptions(size_px=64, scales=1, iterations=5)
    events = paint(content, [Style(style)], options, studio=Studio(precision=precision))
    (last,) = [event for event in events if isinstance(event, Painted)]
    return last


def test_bf16_ends_at_nearly_the_same_loss_and_picture_as_fp32() -> None:
    exact, rounded = paint_small("fp32"), paint_small("bf16")
    losses = [one.report.losses[-1].total for one in (exact, rounded)]
    assert losses[1] == pytest.approx(losses[0], rel=0.03)
    assert losses[0] < 0.5 * exact.report.losses[0].total
    # Rounding makes the iterates diverge, but the pictures stay similar.
    difference = (exact.picture.pixels - rounded.picture.pixels).abs().mean()
    assert float(difference) < 6 / 255
