import pytest
import torch
from torch import Tensor

from tests.kit.thin_vgg19 import noise_picture, thin_vgg19
from tools.evaluation import JudgeError
from tools.evaluation.distributions import (
    nearest_neighbors,
    palette_distance,
    sliced_wasserstein,
)
from tools.evaluation.likeness import MEASURES, PAINTING, PHOTOGRAPH, Panel, as_markdown
from tools.evaluation.measures import LEAST_POWER, two_pixel_power
from tools.evaluation.shapes import edge_distance, ssim_distance, structure_distance


def picture(seed: int, height: int = 64, width: int = 96) -> Tensor:
    return noise_picture(height, width, seed).pixels[None]


@pytest.fixture(scope="module")
def panel() -> Panel:
    return Panel(thin_vgg19(14, torch.float32))


def test_photograph_and_painting_are_each_nearest_to_themselves(
    panel: Panel,
) -> None:
    rows = panel.table({"a blend": (picture(1) + picture(2)) / 2}, picture(1), picture(2))
    assert list(rows) == [PHOTOGRAPH, PAINTING, "a blend"]
    for photograph, painting, blend in zip(*rows.values(), strict=True):
        for name in ("structure", "ssim", "edges"):
            assert getattr(photograph, name) == pytest.approx(0, abs=1e-4)
            assert getattr(painting, name) > getattr(blend, name) > 0.001
        for name in ("gram", "palette", "wasserstein", "missing", "foreign"):
            assert getattr(painting, name) == pytest.approx(0, abs=1e-3)
            assert getattr(photograph, name) > 0.001
        assert painting.two_pixel == pytest.approx(1)


def test_a_table_has_each_measure_at_each_scale(panel: Panel) -> None:
    rows = panel.table({"it": picture(3)}, picture(1), picture(2))
    lines = as_markdown(rows, panel.scales).splitlines()
    assert lines[0].count("|") == len(MEASURES) + 2
    assert all(line.count(" / ") == len(MEASURES) for line in lines[2:5])


def test_a_network_that_ends_early_is_refused() -> None:
    with pytest.raises(JudgeError, match="relu5_2"):
        Panel(thin_vgg19(13, torch.float32))


def test_palette_distance_ignores_the_places_of_colors() -> None:
    style = picture(1)
    assert palette_distance(style.flip(3), style) == pytest.approx(0, abs=0.01)
    assert palette_distance(style[:, [2, 1, 0]], style) > 0.1


def test_palettes_without_a_common_color_have_distance_one() -> None:
    red, blue = torch.full((1, 3, 32, 32), 0.2), torch.full((1, 3, 32, 32), 0.2)
    red[:, 0], blue[:, 2] = 1, 1
    assert palette_distance(red, blue) == pytest.approx(1, abs=0.01)


def test_sliced_wasserstein_is_in_units_of_the_styles_deviations() -> None:
    style = torch.randn(1, 8, 32, 32, generator=torch.Generator().manual_seed(1))
    assert sliced_wasserstein(style + 1, style) == pytest.approx(1, rel=0.15)
    assert sliced_wasserstein(2 * style, style) == pytest.approx(1, rel=0.1)
    assert sliced_wasserstein(style.flip(2), style) < 0.06


def test_nearest_neighbors_tell_missing_from_foreign_features() -> None:
    style = torch.randn(1, 16, 24, 24, generator=torch.Generator().manual_seed(1))
    half = style[:, :, :12]
    missing, foreign = nearest_neighbors(half, style)
    assert foreign < 1e-5
    assert missing > 0.1
    more = torch.cat([style, -style.roll(1, 1)], 2)[:, :, ::2]
    missing, foreign = nearest_neighbors(more, style)
    assert foreign > 0.1


def test_shape_distances_ignore_recoloring_but_not_mirroring() -> None:
    photograph = picture(1)
    recolored = 1 - photograph * 0.7
    assert edge_distance(recolored, photograph) < 0.02
    assert edge_distance(photograph.flip(3), photograph) > 0.1
    features = torch.rand(1, 8, 20, 30, generator=torch.Generator().manual_seed(1))
    assert structure_distance(3 * features + 1, features) == pytest.approx(0, abs=1e-3)
    assert structure_distance(features.flip(3), features) > 0.2


def test_ssim_distance_grows_with_noise() -> None:
    photograph = picture(1)
    noise = torch.randn(photograph.shape, generator=torch.Generator().manual_seed(1))
    little = ssim_distance((photograph + 0.02 * noise).clamp(0, 1), photograph)
    much = ssim_distance((photograph + 0.2 * noise).clamp(0, 1), photograph)
    assert 0 < little < much < 1.1


def test_two_pixel_power_measures_stripes_one_pixel_wide() -> None:
    stripes = torch.zeros(1, 3, 64, 64)
    stripes[..., ::2] = 0.2
    wide = torch.zeros(1, 3, 64, 64)
    for left in range(0, 64, 8):
        wide[..., left : left + 4] = 0.2
    assert two_pixel_power(stripes) == pytest.approx(0.1**2, rel=0.05)
    assert two_pixel_power(wide.roll(1, 3)) < 0.2 * two_pixel_power(stripes)
    assert two_pixel_power(torch.full((1, 3, 64, 64), 0.5)) < LEAST_POWER
