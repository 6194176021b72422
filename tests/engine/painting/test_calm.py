import math

import pytest
import torch
from torch import Tensor

from engine.painting.calm import calm_parts
from engine.painting.color import luminance
from engine.painting.faces import Face, face_mask
from engine.painting.inputs import Inputs
from engine.painting.picture import Picture


def half_noise_half_smooth(height: int, width: int) -> Tensor:
    """[3, H, W]: noise on the left, a smooth vertical gradient on the right."""
    pixels = torch.linspace(0.3, 0.6, height)[None, :, None].repeat(3, 1, width)
    noise = torch.rand(3, height, width // 2, generator=torch.Generator().manual_seed(0))
    pixels[..., : width // 2] = noise
    return pixels


@pytest.mark.parametrize("size", [(64, 96), (300, 500), (500, 160)])
def test_smooth_parts_are_calm_and_busy_parts_are_not(size: tuple[int, int]) -> None:
    calm = calm_parts(half_noise_half_smooth(*size))
    width = calm.shape[1]
    assert float(calm[:, : width // 3].mean()) < 0.2
    assert float(calm[:, -width // 3 :].mean()) > 0.8


def test_calm_map_is_small_and_has_the_pictures_shape() -> None:
    assert calm_parts(half_noise_half_smooth(300, 600)).shape == (128, 256)
    assert calm_parts(half_noise_half_smooth(30, 60)).shape == (30, 60)
    assert calm_parts(torch.rand(3, 2, 2000)).shape == (1, 256)


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_flat_picture_is_half_calm_everywhere(level: float) -> None:
    calm = calm_parts(torch.full((3, 50, 70), level))
    torch.testing.assert_close(calm, torch.full((50, 70), 0.5))


def test_brightness_and_color_hardly_change_the_calm_parts() -> None:
    pixels = half_noise_half_smooth(64, 96)
    calm = calm_parts(pixels)
    for other in (pixels * 0.5, pixels * 0.5 + 0.4):
        torch.testing.assert_close(calm_parts(other), calm, atol=0.15, rtol=0)
    grey = luminance(pixels[None])[0].expand(3, -1, -1)
    torch.testing.assert_close(calm_parts(grey), calm, atol=0.01, rtol=0)


def test_half_of_a_picture_is_calm() -> None:
    calm = calm_parts(torch.rand(3, 80, 120, generator=torch.Generator().manual_seed(3)))
    assert math.isclose(float(calm.mean()), 0.5, abs_tol=0.02)


def test_faces_are_not_calm() -> None:
    content = Picture(torch.full((3, 64, 96), 0.5))
    faces = face_mask((Face(0.25, 0.25, 0.5, 0.5),), content.size)
    calm = Inputs(content, (), faces=faces).calm
    assert calm.shape == (64, 96)
    assert float(calm[32, 48]) == 0
    assert float(calm[0, 0]) == 0.5
    assert bool((Inputs(content, ()).calm == 0.5).all())
