"""Frames to move: textures, and windows onto them."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from engine.moving.flow import Pixels


@dataclass(frozen=True)
class Images:
    """A clip of images in memory."""

    images: Sequence[Image.Image]
    loops: bool = False

    def __len__(self) -> int:
        return len(self.images)

    def frame(self, number: int) -> Image.Image:
        return self.images[number]


def textured(height: int, width: int, seed: int = 0) -> Pixels:
    """Smooth noise of several sizes, in colour."""
    random = np.random.default_rng(seed)
    made = np.zeros((height, width, 3), np.float32)
    for cell, amount in ((16, 0.5), (6, 0.3), (3, 0.2)):
        coarse = random.random((height // cell + 2, width // cell + 2, 3), np.float32)
        made += amount * np.asarray(cv2.resize(coarse, (width, height)))
    return made


def moved_window(scene: Pixels, left: int, width: int = 96) -> Pixels:
    """What is seen of a scene through a window."""
    return np.ascontiguousarray(scene[:, left : left + width])


def image_of(pixels: Pixels) -> Image.Image:
    return Image.fromarray((pixels * 255).round().clip(0, 255).astype(np.uint8))


def panned(
    count: int, seed: int = 0, step: int = 2, height: int = 64, width: int = 80
) -> list[Image.Image]:
    """A window that goes over a scene."""
    scene = textured(height, width + step * count, seed)
    return [image_of(moved_window(scene, step * number, width)) for number in range(count)]
