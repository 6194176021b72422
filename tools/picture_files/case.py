"""Test cases, and the two pictures that most of them contain."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array: TypeAlias = NDArray[Any]
SIZE: Final = (48, 32)
"""Width and height of the ramps."""


@dataclass(frozen=True)
class RefusedFile:
    """The file must be refused, with a message that contains these words."""

    words: str


@dataclass(frozen=True, eq=False)
class Case:
    """One file."""

    format: str
    """PNG, JPEG …"""
    kind: str
    """Depth, layout and color, in words."""
    make: Callable[[], bytes]
    """Gives the file's bytes."""
    right: Array | RefusedFile
    """The expected picture, [H, W, 1, 3 or 4] in 0..255; or the expected refusal."""
    mean: float = 1.0
    """Tolerance of the mean difference, of 255."""
    mime: str | None = None
    """MIME type for Chromium; None if it cannot read the file."""
    chromium_mean: float = 2.0
    """Tolerance of the mean difference from Chromium, of 255."""
    why: str = ""
    """Reason for a tolerance above 2."""
    note: str = ""
    """Words that the member's note must contain."""

    @property
    def name(self) -> str:
        """Test ID."""
        return f"{self.format}: {self.kind}"


def ramps(size: tuple[int, int] = SIZE) -> Array:
    """[H, W, 3] in 0..1: red grows to the right, green downwards, blue to the left."""
    width, height = size
    across = np.tile(np.linspace(0, 1, width), (height, 1))
    down = np.tile(np.linspace(0, 1, height)[:, None], (1, width))
    return np.stack([across, down, 1 - across], axis=2)


def gray_ramp(size: tuple[int, int] = SIZE) -> Array:
    """[H, W, 1] in 0..1 that grows to the right."""
    return ramps(size)[..., :1]


def with_alpha(colors: Array) -> Array:
    """The same with an alpha that grows downwards from 0.2 to 1."""
    height, width = colors.shape[:2]
    alpha = np.tile(np.linspace(0.2, 1, height)[:, None, None], (1, width, 1))
    return np.concatenate([colors, alpha], axis=2)


def shown(levels: Array) -> Array:
    """0..1 as 0..255."""
    return np.clip(levels, 0, 1) * 255


def gray_of_lightness(lightness: Array) -> Array:
    """CIELab's lightness of 0..100 as levels of sRGB, 0..255."""
    y = np.where(lightness > 8, ((lightness + 16) / 116) ** 3, lightness / 903.3)
    return np.where(y <= 0.0031308, y * 12.92, 1.055 * y ** (1 / 2.4) - 0.055) * 255


PATCHES: Final = np.array(
    [
        (128, 64, 200), (255, 0, 0), (0, 255, 0), (0, 0, 255),
        (40, 40, 40), (200, 150, 60), (10, 10, 10), (100, 200, 220),
    ],
    np.uint8,
)  # fmt: skip
"""Samples whose appearance depends on the file's color information."""


def patches(colors: Any = PATCHES) -> Array:
    """[32, 64, 3] of eight squares of color side by side, eight pixels wide."""
    return np.repeat(np.array(colors)[None], 8, axis=1).repeat(32, axis=0)


def image(levels: Array) -> Image.Image:
    """An image of Pillow from [H, W, 1, 3 or 4] in 0..1."""
    samples = np.rint(np.clip(levels, 0, 1) * 255).astype(np.uint8)
    return Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples)


def saved(picture: Image.Image, file_format: str, **options: Any) -> bytes:
    """The bytes of a file by Pillow."""
    file = io.BytesIO()
    picture.save(file, file_format, **options)
    return file.getvalue()
