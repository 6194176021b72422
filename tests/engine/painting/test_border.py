import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from torch import Tensor

from common.options import PaintOptions
from engine.painting import Painted, Picture, Style, paint
from engine.painting.border import inner_guide, inner_moments, inner_part
from engine.painting.moments import Weighting
from engine.painting.picture import Size
from engine.painting.studio import Studio
from engine.painting.tiles import Region
from tests.kit.moments import moments


def found_guide(guide: Tensor, region: Region, size: Size, stride: int) -> Tensor:
    return inner_guide(guide, region, stride, inner_part(region, size, stride, 1))


def test_line_along_one_side_of_the_painting_is_not_copied_to_that_side_of_the_picture() -> None:
    """Padding tells the network where each side is, and nothing in a gray photograph objects."""
    patches = torch.rand(1, 3, 6, 8, generator=torch.Generator().manual_seed(1))
    painting = F.interpolate(patches, (96, 128))[0]
    painting[:, :, :2] = torch.tensor([0.1, 0.1, 0.9])[:, None, None]
    painting[:, :, -2:] = torch.tensor([0.9, 0.1, 0.1])[:, None, None]
    gray = Picture(torch.full((3, 96, 128), 0.5))
    options = PaintOptions(network="lite", size_px=128)
    *_, last = paint(gray, [Style(Picture(painting))], options, studio=Studio(precision="fp32"))
    assert isinstance(last, Painted)
    redness = (last.picture.pixels[0] - last.picture.pixels[2]).mean(0)
    assert redness[-2:].mean() < redness[8:-8].mean() + 0.25  # 0.6 more when the border counted


@pytest.mark.parametrize("rows_px", [4, 16])
@pytest.mark.parametrize("stride", [1, 2, 4])
def test_guides_of_bands_are_those_of_the_whole_and_zero_at_the_border(
    stride: int, rows_px: int
) -> None:
    size, guide = (64, 96), torch.rand(64, 96, generator=torch.Generator().manual_seed(0))
    given = guide.clone()
    whole = found_guide(guide, Region(0, 64, 0, 96), size, stride)
    assert torch.equal(guide, given)
    assert whole[1:-1, 1:-1].all()
    assert not any(edge.any() for edge in (whole[0], whole[-1], whole[:, 0], whole[:, -1]))
    for top in range(0, 64, rows_px):
        region = Region(top, top + rows_px, 0, 96)
        band = found_guide(guide, region, size, stride)
        assert torch.equal(band, region.at_stride(stride).of(whole))


def test_moments_are_those_of_the_inner_features() -> None:
    features = torch.randn(1, 5, 20, 24, dtype=torch.float64)
    inner = Region(1, 19, 2, 24)
    (found,) = inner_moments(features, [Weighting(None, 18 * 22.0)], inner)
    wanted = moments(inner.of(features), None, 18 * 22.0)
    assert torch.allclose(found.second, wanted.second)
    assert torch.allclose(found.mean, wanted.mean)


def test_all_positions_count_where_there_are_few() -> None:
    whole = Region(0, 64, 0, 96)
    assert inner_part(whole, (64, 96), 8, 1) == Region(0, 8, 0, 12)
    assert inner_part(whole, (64, 96), 4, 1) == Region(1, 15, 1, 23)
