"""Clips painted with a thin network, and how far pictures are apart."""

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
from tests.engine.moving.frames import Images
from tests.kit.thin_vgg19 import noise_picture

OPTIONS = PaintOptions(size_px=80, iterations=5, scales=2)
STYLE = noise_picture(56, 40, seed=1)


def painting(
    clip: Images, folder: Path, studio: Studio, options: PaintOptions = OPTIONS, **more: Any
) -> ClipPainting:
    folder.mkdir(exist_ok=True)
    first = Picture.from_image(clip.frame(0))
    pictures = Pictures(first, (Style(STYLE),), None, None, "vgg19")
    return ClipPainting(clip, pictures, options, studio, PaintedFrames(folder), **more)


def painted(
    images: Sequence[Image.Image], folder: Path, studio: Studio, *, loops: bool = False, **more: Any
) -> tuple[list[Any], list[Image.Image]]:
    made = painting(Images(images, loops), folder, studio, **more)
    events = list(made.paint())
    return events, list(made.finished())


def levels(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB"), dtype=np.int16)


def apart(first: Image.Image, second: Image.Image) -> float:
    return float(np.abs(levels(first) - levels(second)).mean())
