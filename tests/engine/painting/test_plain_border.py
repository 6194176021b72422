"""What a painting was scanned, photographed or shown on is not a part of its style."""

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


def ground(height: int, width: int, color: tuple[float, float, float]) -> Tensor:
    return torch.tensor(color)[:, None, None].expand(3, height, width).clone()


def laid(on: Tensor, top: int, left: int, painting: Tensor = PAINTING) -> Picture:
    """A painting on a ground, which shows around it."""
    pixels = on.clone()
    pixels[:, top : top + painting.shape[1], left : left + painting.shape[2]] = painting
    return Picture(pixels)


def shows_the_painting_alone(picture: Picture) -> bool:
    """But for a row and a column at each side, which scaling would have mixed with the border."""
    return torch.equal(without_plain_border(picture).pixels, PAINTING[:, 1:-1, 1:-1])


@pytest.mark.parametrize("color", [WHITE, BLACK, BEIGE])
def test_a_mat_around_a_painting_is_left_out(color: tuple[float, float, float]) -> None:
    assert shows_the_painting_alone(laid(ground(100, 140, color), 15, 30))


def test_slightly_noisy_paper_with_unequal_margins_is_left_out() -> None:
    noise = (torch.rand(3, 100, 140, generator=torch.Generator().manual_seed(1)) - 0.5) * 0.03
    paper = (ground(100, 140, BEIGE) + noise).clamp(0, 1)
    assert shows_the_painting_alone(laid(paper, 5, 50))


def test_screen_bars_with_status_icons_are_left_out() -> None:
    screen = ground(300, 80, BLACK)
    screen[:, 4:10, 3:9] = 0.9
    screen[:, 4:10, 70:76] = 0.9
    found = without_plain_border(laid(screen, 120, 0))
    assert torch.equal(found.pixels, PAINTING[:, 1:-1])


def test_painting_without_a_border_is_unchanged() -> None:
    picture = Picture(PAINTING)
    assert without_plain_border(picture) is picture


def test_ground_of_a_drawing_is_kept() -> None:
    """A diamond, which begins by degrees, as a figure does that comes out of the dark."""
    across = torch.linspace(-1.2, 1.2, 200)
    diamond = (across[:, None].abs() + across[None].abs() < 1).float()
    for ground_level, level in ((1.0, 0.2), (0.02, 0.8)):
        pixels = ground_level + (level - ground_level) * diamond
        picture = Picture(pixels.expand(3, -1, -1))
        assert without_plain_border(picture) is picture


def test_flat_colored_paintings_are_kept_whole() -> None:
    red, gold = (0.8, 0.1, 0.1), (0.9, 0.75, 0.1)
    striped = torch.cat([ground(30, 90, red), ground(30, 90, gold), ground(30, 90, red)], 1)
    unlike = torch.cat([ground(30, 90, BLACK), ground(30, 90, red), ground(30, 90, gold)], 1)
    for pixels in (striped, unlike, ground(50, 50, WHITE)):
        picture = Picture(pixels)
        assert without_plain_border(picture) is picture


def test_border_is_kept_if_the_rest_would_be_plain_or_tiny() -> None:
    black, red = (
        laid(ground(100, 140, WHITE), 15, 30, ground(60, 80, color))
        for color in (BLACK, (0.8, 0.1, 0.1))
    )
    tiny = laid(ground(600, 140, WHITE), 270, 30)
    for picture in (black, red, tiny):
        assert without_plain_border(picture) is picture


def test_border_of_a_picture_with_alpha_is_kept() -> None:
    picture = replace(laid(ground(100, 140, WHITE), 15, 30), alpha=torch.full((100, 140), 0.5))
    assert without_plain_border(picture) is picture


def loaded(folder: Path, *styles: Style) -> Pictures:
    settings = Settings(_env_file=None, atelier_data_dir=folder)
    content = noise_picture(40, 40)
    return load_pictures(content, styles, QUICK_OPTIONS, network="lite", settings=settings)


def test_left_out_border_is_noted(tmp_path: Path) -> None:
    framed = Style(laid(ground(100, 140, WHITE), 15, 30), name="wave.jpg")
    made = loaded(tmp_path, framed)
    assert [str(note) for note in made.notes] == ["The painting's plain border was left out."]
    (style,) = made.styles
    assert style.picture is not None
    assert style.picture.size == (58, 78)
    bare = Style(Picture(PAINTING))
    assert loaded(tmp_path, bare).notes == ()
    (note,) = loaded(tmp_path, bare, framed).notes
    assert str(note) == "The plain border of wave.jpg was left out."


def test_style_region_of_the_whole_picture_keeps_the_border(tmp_path: Path) -> None:
    asked = Style(laid(ground(100, 140, WHITE), 15, 30), region=(0, 0, 1, 1))
    made = loaded(tmp_path, asked)
    assert made.styles == (asked,)
    assert made.notes == ()
