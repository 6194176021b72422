"""Frames for clips: textures, and a window that moves over them."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from engine.moving.flow import Pixels


@dataclass(frozen=True)
class ImageClip:
    """A clip whose frames are images in memory."""

    images: Sequence[Image.Image]
    loops: bool = False

    def __len__(self) -> int:
        return len(self.images)

    def frame(self, number: int) -> Image.Image:
        return self.images[number]


def noise_texture(height: int, width: int, seed: int = 0) -> Pixels:
    """Colored noise of several scales."""
    random = np.random.default_rng(seed)
    texture = np.zeros((height, width, 3), np.float32)
    for cell, amount in ((16, 0.5), (6, 0.3), (3, 0.2)):
        coarse = random.random((height // cell + 2, width // cell + 2, 3), np.float32)
        texture += amount * np.asarray(cv2.resize(coarse, (width, height)))
    return texture


def crop_window(scene: Pixels, left: int, width: int = 96) -> Pixels:
    """The part of the scene within a window."""
    return np.ascontiguousarray(scene[:, left : left + width])


def to_image(pixels: Pixels) -> Image.Image:
    return Image.fromarray((pixels * 255).round().clip(0, 255).astype(np.uint8))


def panning_frames(count: int, seed: int = 0, step: int = 2, height: int = 64) -> list[Image.Image]:
    """Frames of a window that moves `step` pixels a frame over a texture."""
    width = 80
    scene = noise_texture(height, width + step * count, seed)
    return [to_image(crop_window(scene, step * number, width)) for number in range(count)]
