"""Colors at the border of the sRGB gamut, where conversion by a table is inaccurate."""

from typing import Any, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from common.pictures.decode import normalize
from tests.kit.pictures import decoded
from tools.picture_files.profiles import cmyk_profile, rgb_profile
from tools.picture_files.tiffs import tiff

Array: TypeAlias = NDArray[Any]

CYAN = (138 / 2.55, -37, -30)
STRIPE_PX = 4


def striped_tiff(colors: Array, photometric: str, **tags: Any) -> bytes:
    """A TIFF with a stripe for each color of [N, C]."""
    row = colors.repeat(STRIPE_PX, axis=0)
    return tiff(np.stack([row] * max(16, len(row) // 4)), photometric=photometric, **tags)


def decode_stripes(file: bytes) -> NDArray[np.int64]:
    """The colors of the stripes, [N, 3], after decoding."""
    pixels = np.asarray(decoded(normalize(file).png))
    return pixels[0, ::STRIPE_PX].astype(np.int64)


def srgb_of_lab(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert CIELab (D50) to sRGB in 0..255 by the formulas of CIE and IEC 61966-2-1."""
    y = (lab[:, 0] + 16) / 116
    values = np.stack([y + lab[:, 1] / 500, y, y - lab[:, 2] / 200], axis=1)
    xyz = np.where(values > 6 / 29, values**3, 3 * (6 / 29) ** 2 * (values - 4 / 29))
    to_rgb = np.linalg.inv(
        [[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]]
    )
    light = (xyz * (0.9642, 1, 0.8249) @ to_rgb.T).clip(0, 1)
    return np.asarray(
        255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    )


@pytest.mark.parametrize("exponent", [1.8, 2.2])
def test_sixteen_bit_colors_of_a_profile_equal_its_eight_bit_colors(exponent: float) -> None:
    levels = np.arange(0, 256, 51, dtype=np.uint8)
    colors = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(-1, 3)
    profile = rgb_profile(exponent, wide=True)
    deep = colors.astype(np.uint16) * 257
    eight, sixteen = (
        decode_stripes(striped_tiff(values, "rgb", iccprofile=profile)) for values in (colors, deep)
    )
    assert np.abs(eight - sixteen).max() <= 1


@pytest.mark.parametrize("bits", [8, 16])
def test_saturated_lab_colors_follow_the_formulas(bits: int) -> None:
    lab = np.array([CYAN, (79, -35, -22), (88, -60, 30), (50, 60, 20), (60, 0, 0)], float)
    unit = 1 << (bits - 8)
    kind = f"u{bits // 8}"
    stored = np.round(lab * ((2**bits - 1) / 100, unit, unit)).astype(np.int64).astype(kind)
    found = decode_stripes(striped_tiff(stored, "cielab"))
    assert np.abs(found - srgb_of_lab(lab)).max() <= (3 if bits == 8 else 1)


def test_saturated_ink_of_a_profile_follows_the_formulas() -> None:
    cyan_levels = np.linspace(0, 255, 16).round()
    inks = np.zeros((16, 4), np.uint8)
    inks[:, 0] = cyan_levels
    lab = np.array([100.0, 0, 0]) + cyan_levels[:, None] / 255 * (np.array(CYAN) - (100, 0, 0))
    found = decode_stripes(striped_tiff(inks, "separated", iccprofile=cmyk_profile(cyan=CYAN)))
    assert np.abs(found - srgb_of_lab(lab)).max() <= 2
