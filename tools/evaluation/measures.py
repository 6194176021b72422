"""Image measures without a network; pictures are [1, 3, H, W], sRGB 0..1."""

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from torch import Tensor

from engine.painting.color import luminance

_LEAST = 1e-6
_BORDER_PX = 4
_INSIDE_PX = 16
_CELLS = 32
_NEAR_NYQUIST = 0.45
LEAST_POWER = 1e-8
"""Value of `two_pixel_power` for a smooth 8-bit picture, due to rounding."""


def fine_detail(picture: Tensor) -> Tensor:
    """The luma minus its 5-tap binomial blur, [1, 1, H, W]."""
    taps = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0], device=picture.device, dtype=picture.dtype)
    taps = taps / taps.sum()
    luma = luminance(picture)
    padded = F.pad(luma, (2, 2, 2, 2), mode="replicate")
    blurred = F.conv2d(F.conv2d(padded, taps.view(1, 1, 1, 5)), taps.view(1, 1, 5, 1))
    return luma - blurred


def grain(result: Tensor, content: Tensor, style: Tensor) -> float:
    """Energy of the finest detail, over that of content or style, whichever has more.

    About 1 or less is clean; well above 1 the picture has noise that neither picture has.
    """
    allowed = max(_energy(fine_detail(content)), _energy(fine_detail(style)), _LEAST)
    return _energy(fine_detail(result)) / allowed


def checkerboard(result: Tensor, content: Tensor, style: Tensor) -> float:
    """Share of diagonal pixel-to-pixel detail, over that of content or style (the greater)."""
    allowed = max(_diagonal_share(content), _diagonal_share(style), _LEAST)
    return _diagonal_share(result) / allowed


def two_pixel_power(picture: Tensor) -> float:
    """Mean power of the luma at periods of about two pixels, along either axis or both.

    Frequencies of 0.45 to 0.5 cycles a pixel in x or y, under a Hann window; 0 is none.
    """
    luma = luminance(picture)[0, 0].float()
    height, width = luma.shape
    window = torch.outer(
        torch.hann_window(height, device=luma.device), torch.hann_window(width, device=luma.device)
    )
    power = torch.fft.fft2((luma - luma.mean()) * window).abs().square()
    rows = torch.fft.fftfreq(height, device=luma.device).abs()[:, None]
    columns = torch.fft.fftfreq(width, device=luma.device).abs()[None]
    chosen = torch.maximum(rows, columns) >= _NEAR_NYQUIST
    return float(power[chosen].sum() / (height * width * window.square().sum()))


def two_pixel_ratio(result: Tensor, other: Tensor) -> float:
    """`two_pixel_power` over that of another picture; 1 is as much."""
    power, usual = (max(two_pixel_power(one), LEAST_POWER) for one in (result, other))
    return power / usual


def border_color(result: Tensor, content: Tensor) -> float:
    """Greatest jump of the mean color from a 4 px border strip to the next 4 px.

    In 0..1, over the four sides and three channels, less the content's own jump there.
    """
    worst = torch.zeros((), device=result.device)
    for turned, reference in zip(_sides(result), _sides(content), strict=True):
        jump = (_strip_mean(turned, 0) - _strip_mean(turned, 1)).abs()
        usual = (_strip_mean(reference, 0) - _strip_mean(reference, 1)).abs()
        worst = torch.maximum(worst, (jump - usual).clamp(min=0).max())
    return float(worst)


def border_detail(result: Tensor, content: Tensor) -> float:
    """Energy of fine detail in the 4 px at a side over that in the next 12 px, at the worst side.

    About 1 or less is clean; where the content has such a border of its own, it is excused. The
    content's size must be the result's.
    """
    sides = zip(_sides(fine_detail(result)), _sides(fine_detail(content)), strict=True)
    return max(_border_ratio(own) / max(1.0, _border_ratio(usual)) for own, usual in sides)


def foreign_colors(result: Tensor, content: Tensor, style: Tensor) -> float:
    """Share of pixels (0..1) whose color is near no color of content or style.

    Colors are counted in cells of 1/32 of Oklab's ranges (Ottosson, 2020), with all
    neighboring cells taken for near.
    """
    occupied = torch.zeros(1, 1, _CELLS, _CELLS, _CELLS, device=result.device)
    for picture in (content, style):
        occupied.view(-1)[_cells(picture)] = 1.0
    near = F.max_pool3d(occupied, kernel_size=3, stride=1, padding=1)
    return float(1 - near.view(-1)[_cells(result)].mean())


def oklab(picture: Tensor) -> Tensor:
    """Oklab of sRGB, [1, 3, H, W]: lightness in 0..1, a and b within about ±0.4."""
    linear = torch.where(
        picture <= 0.04045, picture / 12.92, ((picture.clamp(min=0) + 0.055) / 1.055) ** 2.4
    )
    to_cones = picture.new_tensor(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    to_lab = picture.new_tensor(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    cones = torch.einsum("ij,njhw->nihw", to_cones, linear).clamp(min=0)
    return torch.einsum("ij,njhw->nihw", to_lab, cones.pow(1 / 3))


def _cells(picture: Tensor) -> Tensor:
    lab = oklab(picture.float()).flatten(2)[0]
    lightness, a, b = lab[0], lab[1] / 0.8 + 0.5, lab[2] / 0.8 + 0.5
    cells = torch.stack((lightness, a, b)).mul(_CELLS).long().clamp(0, _CELLS - 1)
    return (cells[0] * _CELLS + cells[1]) * _CELLS + cells[2]


def _energy(detail: Tensor) -> float:
    return float(detail.square().mean())


def _diagonal_share(picture: Tensor) -> float:
    luma = luminance(picture)
    if min(luma.shape[2:]) < 2:
        return 0.0
    kernel = luma.new_tensor([[1.0, -1.0], [-1.0, 1.0]]).view(1, 1, 2, 2)
    diagonal = _energy(F.conv2d(luma, kernel))
    across = _energy(luma[..., 1:] - luma[..., :-1]) + _energy(luma[..., 1:, :] - luma[..., :-1, :])
    return diagonal / (across + _LEAST)


def _sides(picture: Tensor) -> tuple[Tensor, ...]:
    """The picture rotated so that each side in turn is at the top."""
    return tuple(torch.rot90(picture, quarter, (2, 3)) for quarter in range(4))


def _strip_mean(picture: Tensor, number: int) -> Tensor:
    rows = picture[0, :, number * _BORDER_PX : (number + 1) * _BORDER_PX]
    return rows.mean((1, 2)) if rows.numel() else picture.mean((0, 2, 3))


def _border_ratio(detail: Tensor) -> float:
    """The ratio at the top of the picture."""
    if detail.shape[2] < _INSIDE_PX:
        return 1.0
    outer = _energy(detail[..., :_BORDER_PX, :])
    inner = _energy(detail[..., _BORDER_PX:_INSIDE_PX, :])
    return (outer + _LEAST) / (inner + _LEAST)
