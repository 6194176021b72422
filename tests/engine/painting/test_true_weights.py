"""With the true VGG-19 and real pictures."""

import pytest

from common.options import PaintOptions
from engine.painting import Painted, Picture, Studio, Style, paint
from tests.kit.pictures import decoded, photograph


def painted(precision: str) -> Painted:
    names = ("coffee.png", "chelsea.png")
    images = (decoded(photograph(name)).crop((0, 20, 160, 100)) for name in names)
    content, style = map(Picture.from_image, images)
    # A processor that has no bf16 takes many times as long by it.
    options = PaintOptions(size_px=64, scales=1, iterations=5)
    events = paint(content, [Style(style)], options, studio=Studio(precision=precision))
    (last,) = [event for event in events if isinstance(event, Painted)]
    return last


def test_bf16_ends_at_nearly_the_same_loss_and_picture_as_fp32() -> None:
    exact, quick = painted("fp32"), painted("bf16")
    losses = [one.report.losses[-1].total for one in (exact, quick)]
    assert losses[1] == pytest.approx(losses[0], rel=0.03)
    assert losses[0] < 0.5 * exact.report.losses[0].total
    # Two walks down the same loss part ways, but end in like pictures.
    difference = (exact.picture.pixels - quick.picture.pixels).abs().mean()
    assert float(difference) < 6 / 255
