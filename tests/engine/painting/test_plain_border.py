"""Plain borders around a painting, such as paper or a screen, are cropped."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from common.settings import Settings
from engine.painting import Picture, Style
from engine.painting.plain_border import without_plain_border
from engine.pipeline.pictures import Pictures, load_pictures
from tests.kit.thin_vgg19 import QUICK_OPTIONS, noise_picture

PAINTING = noise_picture(60, 80).pixels * 0.8 + 0.1
WHITE, BLACK, BEIGE = (1.0, 1.0, 1.0), (0.07, 0.07, 0.08), (0.95, 0.92, 0.85)


def plain_area(height: int, width: int, color: tuple[float, float, float]) -> Tensor:
    return torch.tensor(color)[:, None, None].expand(3, height, width).clone()


def paste(background: Tensor, top: int, left: int, painting: Tensor = PAINTING) -> Picture:
    """A painting on a larger background."""
    pixels = background.clone()
    pixels[:, top : top + painting.shape[1], left : left + painting.shape[2]] = painting
    return Picture(pixels)


def is_only_the_painting(picture: Picture) -> bool:
    """One row and column at each side are cropped as well, as scaling may have mixed them."""
    return torch.equal(without_plain_border(picture).pixels, PAINTING[:, 1:-1, 1:-1])


@pytest.mark.parametrize("color", [WHITE, BLACK, BEIGE])
def test_a_mat_around_a_painting_is_left_out(color: tuple[float, float, float]) -> None:
    assert is_only_the_painting(paste(plain_area(100, 140, color), 15, 30))


def test_slightly_noisy_paper_with_unequal_margins_is_left_out() -> None:
    noise = (torch.rand(3, 100, 140, generator=torch.Generator().manual_seed(1)) - 0.5) * 0.03
    paper = (plain_area(100, 140, BEIGE) + noise).clamp(0, 1)
    assert is_only_the_painting(paste(paper, 5, 50))


def test_screen_bars_with_status_icons_are_left_out() -> None:
    screen = plain_area(300, 80, BLACK)
    screen[:, 4:10, 3:9] = 0.9
    screen[:, 4:10, 70:76] = 0.9
    found = without_plain_border(paste(screen, 120, 0))
    assert torch.equal(found.pixels, PAINTING[:, 1:-1])


def test_painting_without_a_border_is_unchanged() -> None:
    picture = Picture(PAINTING)
    assert without_plain_border(picture) is picture


def test_ground_of_a_drawing_is_kept() -> None:
    """A diamond widens gradually from its corners, unlike a framed picture."""
    axis = torch.linspace(-1.2, 1.2, 200)
    diamond = (axis[:, None].abs() + axis[None].abs() < 1).float()
    for background_level, level in ((1.0, 0.2), (0.02, 0.8)):
        pixels = background_level + (level - background_level) * diamond
        picture = Picture(pixels.expand(3, -1, -1))
        assert without_plain_border(picture) is picture


def test_flat_colored_paintings_are_kept_whole() -> None:
    red, gold = (0.8, 0.1, 0.1), (0.9, 0.75, 0.1)
    striped = torch.cat(
        [plain_area(30, 90, red), plain_area(30, 90, gold), plain_area(30, 90, red)], 1
    )
    different = torch.cat(
        [plain_area(30, 90, BLACK), plain_area(30, 90, red), plain_area(30, 90, gold)], 1
    )
    for pixels in (striped, different, plain_area(50, 50, WHITE)):
        picture = Picture(pixels)
        assert without_plain_border(picture) is picture


def test_border_is_kept_if_the_rest_would_be_plain_or_tiny() -> None:
    black, red = (
        paste(plain_area(100, 140, WHITE), 15, 30, plain_area(60, 80, color))
        for color in (BLACK, (0.8, 0.1, 0.1))
    )
    tiny = paste(plain_area(600, 140, WHITE), 270, 30)
    for picture in (black, red, tiny):
        assert without_plain_border(picture) is picture


def test_border_of_a_picture_with_alpha_is_kept() -> None:
    picture = replace(paste(plain_area(100, 140, WHITE), 15, 30), alpha=torch.full((100, 140), 0.5))
    assert without_plain_border(picture) is picture


def load(folder: Path, *styles: Style) -> Pictures:
    settings = Settings(_env_file=None, atelier_data_dir=folder)
    content = noise_picture(40, 40)
    return load_pictures(content, styles, QUICK_OPTIONS, network="lite", settings=settings)


def test_left_out_border_is_noted(tmp_path: Path) -> None:
    framed = Style(paste(plain_area(100, 140, WHITE), 15, 30), name="wave.jpg")
    pictures = load(tmp_path, framed)
    assert [str(note) for note in pictures.notes] == ["The painting's plain border was left out."]
    (style,) = pictures.styles
    assert style.picture is not None
    assert style.picture.size == (58, 78)
    without_border = Style(Picture(PAINTING))
    assert load(tmp_path, without_border).notes == ()
    (note,) = load(tmp_path, without_border, framed).notes
    assert str(note) == "The plain border of wave.jpg was left out."


def test_style_region_of_the_whole_picture_keeps_the_border(tmp_path: Path) -> None:
    style_with_region = Style(paste(plain_area(100, 140, WHITE), 15, 30), region=(0, 0, 1, 1))
    pictures = load(tmp_path, style_with_region)
    assert pictures.styles == (style_with_region,)
    assert pictures.notes == ()
