"""Six clips made from photographs, each with known motion: 2 s at 12 frames per second."""

import argparse
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from PIL import Image, ImageDraw, ImageFilter

from bench.runner import DEFAULT_STYLE, RESULTS, ROOT
from common.options import NETWORKS, PaintOptions
from engine.moving.painted_frames import PaintedFrames
from engine.moving.painting import ClipPainting
from engine.painting import Control, Picture, Studio, Style
from engine.pipeline.pictures import Pictures

FRAMES = 24


@dataclass(frozen=True)
class MadeClip:
    """Its frames, and whether the first follows the last."""

    images: tuple[Image.Image, ...]
    loops: bool = False

    def __len__(self) -> int:
        return len(self.images)

    def frame(self, number: int) -> Image.Image:
        """A frame from 0."""
        return self.images[number]

    def begun(self, frames: int) -> "MadeClip":
        """Its first frames; a loop is kept whole, since a part does not loop."""
        if frames >= len(self) or self.loops:
            return self
        return MadeClip(self.images[:frames])


def add_arguments(parser: argparse.ArgumentParser, *, size_px: int, threads: int) -> None:
    """Arguments for painting clips and for the output folder."""
    parser.add_argument("--size", type=int, default=size_px, help="longer side, px")
    parser.add_argument("--network", choices=NETWORKS, default="lite")
    parser.add_argument("--style", type=Path, default=DEFAULT_STYLE)
    parser.add_argument("--shared", type=Path, default=ROOT / "../shared")
    parser.add_argument("--threads", type=int, default=threads)
    parser.add_argument("--out", type=Path, default=RESULTS)


def painting_of(
    clip: MadeClip, chosen: argparse.Namespace, folder: Path, studio: Studio, control: Control
) -> ClipPainting:
    """Start painting a clip as the arguments say, with its frames in a folder."""
    style = Style(Picture.from_image(Image.open(chosen.style)))
    options = PaintOptions(size_px=chosen.size, network=chosen.network)
    pictures = Pictures(Picture.from_image(clip.frame(0)), (style,), None, None, chosen.network)
    return ClipPainting(clip, pictures, options, studio, PaintedFrames(folder), control=control)


def make_clips(shared: Path, size_px: int) -> Mapping[str, MadeClip]:
    """All six clips, with this longest side."""
    return {name: make(shared / "images" / "content", size_px) for name, make in MAKERS.items()}


def _pan(folder: Path, size_px: int) -> MadeClip:
    photo = _photo(folder / "golden_gate.jpg", 1.5 * size_px)
    return MadeClip(tuple(_window(photo, size_px, t, 0.5) for t in _times()))


def _figure(folder: Path, size_px: int) -> MadeClip:
    """A person walks through a still street."""
    street = _window(_photo(folder / "tubingen.jpg", size_px), size_px, 0.5, 0.5)
    tall = round(street.height * 0.7)
    person, mask = _person(tall)
    images = []
    for number, t in enumerate(_times()):
        frame = street.copy()
        left = round(-0.1 * street.width + t * 0.9 * street.width)
        bob = round(tall * 0.02 * abs(math.sin(number * math.pi / 4)))
        top = street.height - tall - bob
        frame.paste(person, (left, top), mask)
        legs = ImageDraw.Draw(frame)
        hip = (left + person.width // 2, top + round(tall * 0.72))
        for side in (-1, 1):
            swing = side * math.sin(number * math.pi / 4) * tall * 0.12
            foot = (round(hip[0] + swing), street.height)
            legs.line([hip, foot], fill=(40, 42, 70), width=max(2, tall // 12))
        images.append(frame)
    return MadeClip(tuple(images))


def _face(folder: Path, size_px: int) -> MadeClip:  # noqa: ARG001 (another photograph)
    """A face that speaks and nods in front of a still wall."""
    face = _portrait().crop((60, 0, 400, 300))
    face = face.resize((size_px, round(size_px * 300 / 340)), Image.Resampling.LANCZOS)
    pixels = np.asarray(face)
    height, width = pixels.shape[:2]
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    images = []
    for number in range(FRAMES):
        nod = 0.012 * height * math.sin(2 * math.pi * number / FRAMES)
        mouth = 0.02 * height * (1 - math.cos(2 * math.pi * number / 6)) / 2
        head = _bump(rows, columns, (0.35 * height, 0.48 * width), (0.3 * height, 0.22 * width))
        lips = _bump(rows, columns, (0.53 * height, 0.47 * width), (0.07 * height, 0.08 * width))
        below = np.where(rows > 0.53 * height, 1.0, 0.3).astype(np.float32)
        moved = rows - nod * head - mouth * lips * below
        made = cv2.remap(pixels, columns, moved, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        images.append(Image.fromarray(made))
    return MadeClip(tuple(images), loops=True)


def _cartoon(folder: Path, size_px: int) -> MadeClip:  # noqa: ARG001 (drawn)
    """Flat colors: a bouncing ball with a face, and a drifting cloud."""
    width, height = size_px, round(size_px * 0.75)
    images = []
    for t in _times():
        frame = Image.new("RGB", (2 * width, 2 * height), (140, 205, 240))
        draw = ImageDraw.Draw(frame)
        draw.rectangle((0, 1.5 * height, 2 * width, 2 * height), fill=(110, 180, 80))
        cloud = 2 * width * (0.1 + 0.25 * t)
        for dx, dy, r in ((0, 0, 0.14), (0.16, -0.05, 0.18), (0.34, 0.01, 0.13)):
            x, y = cloud + dx * width, 0.4 * height + dy * width
            draw.ellipse((x - r * width, y - r * width, x + r * width, y + r * width), "white")
        bounce = abs(math.sin(t * 3 * math.pi))
        x, y, r = 2 * width * (0.15 + 0.7 * t), height * (1.45 - 0.9 * bounce), 0.2 * width
        draw.ellipse((x - r, y - r, x + r, y + r), (230, 70, 60), (30, 20, 30), width // 40)
        for side in (-1, 1):
            e = x + side * 0.4 * r
            draw.ellipse((e - 0.15 * r, y - 0.4 * r, e + 0.15 * r, y), (30, 20, 30))
        draw.arc((x - 0.5 * r, y - 0.2 * r, x + 0.5 * r, y + 0.6 * r), 20, 160, (30, 20, 30), 4)
        images.append(frame.resize((width, height), Image.Resampling.LANCZOS))
    return MadeClip(tuple(images))


def _cuts(folder: Path, size_px: int) -> MadeClip:
    """Three shots of eight frames: a pan, another pan, and the first one again."""
    first = _photo(folder / "golden_gate.jpg", 1.3 * size_px)
    second = _photo(folder / "ancient_city.jpg", 1.3 * size_px)
    shots = []
    for number in range(FRAMES):
        shot, t = divmod(number, 8)
        photo = second if shot == 1 else first
        shots.append(_window(photo, size_px, 0.2 + (t + 4 * (shot == 2)) / 20, 0.4))
    return MadeClip(tuple(shots))


def _loop(folder: Path, size_px: int) -> MadeClip:
    """The view moves in a circle and ends where it began."""
    photo = _photo(folder / "tubingen.jpg", 1.35 * size_px)
    turns = [2 * math.pi * number / FRAMES for number in range(FRAMES)]
    places = [(0.5 + 0.45 * math.cos(turn), 0.5 + 0.45 * math.sin(turn)) for turn in turns]
    return MadeClip(tuple(_window(photo, size_px, *place) for place in places), loops=True)


def _times() -> list[float]:
    return [number / (FRAMES - 1) for number in range(FRAMES)]


def _photo(file: Path, width_px: float) -> Image.Image:
    photo = Image.open(file).convert("RGB")
    scale = max(width_px / photo.width, 0.75 * width_px / photo.height)
    size = (round(photo.width * scale), round(photo.height * scale))
    return photo.resize(size, Image.Resampling.LANCZOS)


def _window(photo: Image.Image, size_px: int, across: float, down: float) -> Image.Image:
    """A 4:3 view at this position (fractions of the free space), with subpixel accuracy."""
    height = min(round(size_px * 0.75), photo.height)
    left, top = across * (photo.width - size_px), down * (photo.height - height)
    shift = np.array([[1, 0, -left], [0, 1, -top]], np.float32)
    made = cv2.warpAffine(np.asarray(photo), shift, (size_px, height), flags=cv2.INTER_CUBIC)
    return Image.fromarray(made)


def _person(tall: int) -> tuple[Image.Image, Image.Image]:
    portrait = _portrait().crop((80, 0, 380, 400))
    size = (round(tall * 0.55), round(tall * 0.75))
    person = portrait.resize(size, Image.Resampling.LANCZOS)
    mask = Image.new("L", size, 0)
    draw = ImageDraw.Draw(mask)
    wide, high = size
    draw.ellipse((0.28 * wide, 0.02 * high, 0.68 * wide, 0.55 * high), fill=255)
    draw.rounded_rectangle((0.12 * wide, 0.5 * high, 0.85 * wide, high), wide // 6, fill=255)
    return person, mask.filter(ImageFilter.GaussianBlur(0.8))


def _portrait() -> Image.Image:
    """Scikit-image's photograph of Eileen Collins (NASA, in the public domain)."""
    return Image.fromarray(skimage.data.astronaut())  # type: ignore[no-untyped-call]


def _bump(
    rows: np.ndarray, columns: np.ndarray, middle: tuple[float, float], reach: tuple[float, float]
) -> np.ndarray:
    down, across = (rows - middle[0]) / reach[0], (columns - middle[1]) / reach[1]
    return np.asarray(np.exp(-(down**2 + across**2)), dtype=np.float32)


MAKERS: Mapping[str, Callable[[Path, int], MadeClip]] = {
    "pan": _pan,
    "figure": _figure,
    "face": _face,
    "cartoon": _cartoon,
    "cuts": _cuts,
    "loop": _loop,
}
"""Functions that make a clip from the photographs' folder and a longer side in pixels, by name."""
