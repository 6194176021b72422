import pytest
import torch
from torch import Tensor

from engine.painting import color
from engine.painting.palette import Coloring, ToneCurve, in_palettes
from engine.painting.statistics import ColorMoments


def noise(seed: int, height: int, width: int) -> Tensor:
    """[3, H, W] of mostly reddish noise."""
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.rand(3, height, width, generator=generator)
    return pixels * torch.tensor([0.9, 0.4, 0.2]).view(3, 1, 1) + 0.05


def color_blocks(*colors: tuple[float, float, float]) -> Tensor:
    """[3, 24, n]: blocks of color side by side, with a little noise."""
    pixels = torch.tensor(colors).T[:, None, :].repeat_interleave(24, 1).repeat_interleave(24, 2)
    noise_values = torch.randn(pixels.shape, generator=torch.Generator().manual_seed(5))
    return (pixels + 0.02 * noise_values).clamp(0, 1)


def palette(pixels: Tensor) -> ColorMoments:
    return color.color_moments(pixels[None])


def recolor_by_hue(photograph: Tensor, expected: ColorMoments) -> Tensor:
    coloring = Coloring.of(photograph, faces=False)
    return in_palettes(photograph, [(1.0, expected, None)], 1.0, coloring)


def test_half_a_palette_share_recolors_halfway() -> None:
    photograph, style = noise(1, 20, 30), palette(noise(2, 9, 9))
    coloring = Coloring.of(photograph, faces=True)
    whole, half = (
        in_palettes(photograph, [(1.0, style, None)], share, coloring) for share in (1.0, 0.5)
    )
    torch.testing.assert_close(half, (photograph + whole) / 2)
    empty_mask = torch.zeros(20, 30)
    unchanged = in_palettes(photograph, [(1.0, style, empty_mask)], 1.0, coloring)
    torch.testing.assert_close(unchanged, photograph)


def test_light_blue_sky_takes_the_palettes_dark_blue_not_light_yellow() -> None:
    meadow = color_blocks(
        (0.75, 0.85, 0.95), (0.8, 0.88, 0.97), (0.4, 0.5, 0.25), (0.35, 0.42, 0.2)
    )
    painting = color_blocks((0.2, 0.3, 0.6), (0.3, 0.35, 0.5), (0.8, 0.65, 0.1), (0.7, 0.6, 0.2))
    found = recolor_by_hue(meadow, palette(painting))
    sky, grass = found[..., :48].mean((1, 2)), found[..., 48:].mean((1, 2))
    assert sky[2] > sky[0]
    assert grass[0] > grass[2]


def test_bars_above_and_below_a_photograph_change_none_of_its_colors() -> None:
    photograph, style = noise(3, 60, 80), palette(noise(2, 30, 30))
    bars = torch.zeros(3, 50, 80)
    for faces in (False, True):
        alone, with_bars = (
            Coloring.of(pixels, faces=faces)
            for pixels in (photograph[:, 1:-1], torch.cat([bars, photograph, bars], 1))
        )
        expected, found = (
            in_palettes(photograph, [(1.0, style, None)], 1.0, coloring)
            for coloring in (alone, with_bars)
        )
        torch.testing.assert_close(found, expected)


def test_a_nearly_grey_photograph_takes_no_noise_from_a_palette() -> None:
    grey = torch.rand(1, 30, 30, generator=torch.Generator().manual_seed(1)).expand(3, 30, 30)
    photograph = (grey + 0.002 * torch.randn(grey.shape)).clamp(0, 1)
    found = recolor_by_hue(photograph, palette(noise(2, 30, 30)))[None]
    colorfulness = (found - color.luminance(found)).flatten(2)
    assert float(colorfulness.std(2).max()) < 0.15


def test_palette_of_one_color_leaves_light_and_dark_of_the_photograph() -> None:
    blue = palette(torch.tensor([0.1, 0.3, 0.8])[:, None, None].expand(3, 30, 30))
    photograph = noise(1, 30, 30)
    for faces in (False, True):
        coloring = Coloring.of(photograph, faces=faces)
        found = in_palettes(photograph, [(1.0, blue, None)], 1.0, coloring)
        lumas = [color.luminance(one[None]).flatten() for one in (photograph, found)]
        assert float(torch.corrcoef(torch.stack(lumas))[0, 1]) > 0.7
        assert 0.05 < float(lumas[1].std()) < 0.12
        assert found.mean((1, 2)).argmax() == 2  # blue


def night_scene() -> Tensor:
    """[3, 40, 60]: black, with one lamp and its glow."""
    rows, columns = torch.meshgrid(torch.arange(40.0), torch.arange(60.0), indexing="ij")
    glow = torch.exp(-((rows - 20) ** 2 + (columns - 20) ** 2) / 40)
    return 0.02 + 0.95 * glow * torch.tensor([1.0, 0.8, 0.4]).view(3, 1, 1)


def test_a_night_stays_dark_and_its_lamp_keeps_its_shape() -> None:
    photograph = night_scene()
    bright = palette(noise(3, 30, 30).flip(0) * 1.2)
    found = color.luminance(recolor_by_hue(photograph, bright)[None])[0, 0]
    linear = color.luminance(color.match_moments(photograph[None], bright))[0, 0]
    assert float(found[:, 50:].mean()) < 0.6 * float(linear[:, 50:].mean())
    lamp = color.luminance(photograph[None])[0, 0] > 0.3
    assert float(found[lamp].std()) > 0.05
    assert float((found[lamp] > 0.99).float().mean()) < 0.1


@pytest.mark.parametrize("seed", range(4))
def test_tone_curve_rises_between_zero_and_one(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    lumas = torch.rand(200, generator=generator, dtype=torch.float64).sort().values ** (seed + 1)
    mean, deviation = (0.1 + 0.8 * torch.rand(2, generator=generator)).tolist()
    found = ToneCurve.to(lumas, mean, deviation).of(torch.linspace(0, 1, 101))
    assert bool((found.diff() > 0).all())
    assert float(found.min()) >= 0
    assert float(found.max()) <= 1


def test_tone_curve_reaches_a_nearby_mean_and_deviation() -> None:
    lumas = torch.linspace(0.1, 0.9, 101, dtype=torch.float64)
    found = ToneCurve.to(lumas, 0.4, 0.18).of(lumas)
    assert float(found.mean()) == pytest.approx(0.4, abs=0.01)
    assert float(found.std()) == pytest.approx(0.18, abs=0.01)


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_a_flat_photograph_takes_the_palettes_mean(level: float) -> None:
    style = palette(noise(2, 20, 20))
    found = recolor_by_hue(torch.full((3, 12, 12), level), style)
    torch.testing.assert_close(found.mean((1, 2)).double(), style.mean, atol=1e-3, rtol=0)
