"""With the true VGG19's first layers and real pictures; skipped where these are not."""

from pathlib import Path

import pytest
from PIL import Image

from common.options import PaintOptions
from engine.networks.registry import NetworkSource
from engine.painting import Painted, Picture, Studio, Style, paint
from tests.engine.conftest import SHARED


def painted(caffe_file: Path, precision: str) -> Painted:
    images = SHARED / "images"
    content, style = images / "content" / "tubingen.jpg", images / "style" / "starry_night.jpg"
    if not content.is_file() or not style.is_file():
        pytest.skip("the real pictures are not here")
    studio = Studio(NetworkSource(caffe_file), precision=precision)
    styles = [Style(Picture.from_image(Image.open(style)))]
    options = PaintOptions(size_px=128, iterations=30)
    events = paint(Picture.from_image(Image.open(content)), styles, options, studio=studio)
    (last,) = [event for event in events if isinstance(event, Painted)]
    return last


@pytest.mark.slow
def test_bf16s_picture_is_as_near_to_its_goal_as_fp32s(caffe_file: Path) -> None:
    exact, quick = painted(caffe_file, "fp32"), painted(caffe_file, "bf16")
    losses = [one.report.losses[-1].total for one in (exact, quick)]
    assert losses[1] == pytest.approx(losses[0], rel=0.03)
    assert losses[0] < 0.5 * exact.report.losses[0].total
    # Two walks down the same loss part ways, but end in like pictures.
    difference = (exact.picture.pixels - quick.picture.pixels).abs().mean()
    assert float(difference) < 12 / 255
