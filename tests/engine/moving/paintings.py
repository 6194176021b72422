"""Paints clips with a thin VGG-19, and compares images."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from common.options import PaintOptions
from engine.moving.painted_frames import PaintedFrames
from engine.moving.painting import ClipPainting
from engine.painting import Picture, Studio, Style
from engine.pipeline.pictures import Pictures
from tests.engine.moving.frames import ImageClip
from tests.kit.thin_vgg19 import noise_picture

OPTIONS = PaintOptions(size_px=80, iterations=5, scales=2)
STYLE = noise_picture(56, 40, seed=1)


def make_clip_painting(
    clip: ImageClip, folder: Path, studio: Studio, options: PaintOptions = OPTIONS, **more: Any
) -> ClipPainting:
    folder.mkdir(exist_ok=True)
    first = Picture.from_image(clip.frame(0))
    pictures = Pictures(first, (Style(STYLE),), None, None, "vgg19")
    return ClipPainting(clip, pictures, options, studio, PaintedFrames(folder), **more)


def paint_clip_frames(
    images: Sequence[Image.Image], folder: Path, studio: Studio, *, loops: bool = False, **more: Any
) -> tuple[list[Any], list[Image.Image]]:
    """Paint images as a clip; returns the events and the painted frames."""
    clip_painting = make_clip_painting(ImageClip(images, loops), folder, studio, **more)
    events = list(clip_painting.paint())
    return events, list(clip_painting.finished())


def rgb_levels(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB"), dtype=np.int16)


def mean_difference(first: Image.Image, second: Image.Image) -> float:
    """Mean absolute difference in levels of 0 to 255."""
    return float(np.abs(rgb_levels(first) - rgb_levels(second)).mean())
