"""Training data of the `lite` network: crops of pictures, and VGG-19's features for them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from engine.lite.network import BY_LAYER, BY_NAME, READINGS, Reading
from engine.networks.encoder import Encoder, features_of

_STORED = torch.float16
_BASIS_CROPS = 200
_BASIS_SEED = 0
_BORDER = 3
_COPY_LIKENESS = 0.95
"""Correlation of outlines from which a picture counts as a copy."""


@dataclass(frozen=True, eq=False)
class TrainingExample:
    """A crop [3, h, w] in 0..1, and for each layer its targets [C, h, w]."""

    crop: Tensor
    targets: dict[str, Tensor]


def inner(features: Tensor, layer: str) -> Tensor:
    """Features without the border: three wide, or less in deep layers with few features."""
    octave = BY_NAME[BY_LAYER[layer].source].octave
    border = max(0, min(_BORDER, _BORDER - 2 * (octave - 2)))
    return features[..., border:-border, border:-border] if border else features


def together(examples: Sequence[TrainingExample]) -> tuple[Tensor, dict[str, Tensor]]:
    """Collate a batch in float32: crops [N, 3, h, w] and targets [N, C, h, w]."""
    crops = torch.stack([each.crop for each in examples]).float()
    names = examples[0].targets
    targets = {name: torch.stack([each.targets[name] for each in examples]) for name in names}
    return crops, {name: tensor.float() for name, tensor in targets.items()}


def make_crops(files: Sequence[Path], count: int, side_px: int, seed: int) -> Tensor:
    """Crops [count, 3, side_px, side_px] at random sizes, every second one altered."""
    random = np.random.default_rng(seed)
    return torch.stack(list(_crops(files, count, side_px, random))).to(_STORED)


def _crops(
    files: Sequence[Path], count: int, side_px: int, random: np.random.Generator
) -> Iterator[Tensor]:
    before: Tensor | None = None
    for number in range(count):
        with Image.open(files[int(random.integers(len(files)))]) as image:
            crop = _cropped(image.convert("RGB"), side_px, random)
        altered = crop if number % 2 else _altered(crop, before, random)
        before = crop
        yield altered


def _cropped(image: Image.Image, side_px: int, random: np.random.Generator) -> Tensor:
    scale = float(random.uniform(1.1, 3.0)) * side_px / min(image.size)
    width, height = (max(side_px, round(side * min(1.0, scale))) for side in image.size)
    image = image.resize((width, height), Image.Resampling.LANCZOS)
    left, top = (int(random.integers(0, side - side_px + 1)) for side in image.size)
    image = image.crop((left, top, left + side_px, top + side_px))
    crop = torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255
    return crop.flip(2) if random.random() < 0.5 else crop


def _altered(crop: Tensor, before: Tensor | None, random: np.random.Generator) -> Tensor:
    """A crop altered to resemble an unfinished painting: mixed, recolored, noisy."""
    if before is not None and random.random() < 0.5:
        crop = torch.lerp(crop, before, float(random.uniform(0.2, 0.8)))
    if random.random() < 0.5:
        crop = recolored(crop, random)
    if random.random() < 0.5:
        noise = torch.from_numpy(random.normal(size=crop.shape)).float()
        crop = crop + noise * float(random.uniform(0, 0.12))
    return crop.clamp(0, 1)


def recolored(picture: Tensor, random: np.random.Generator) -> Tensor:
    """The picture [3, h, w] with its colors turned in their space, and of another contrast."""
    turn = torch.tensor(np.linalg.qr(random.normal(size=(3, 3)))[0], dtype=torch.float32)
    contrast = float(random.uniform(0.7, 1.5))
    turned = 0.5 + torch.einsum("ij,jhw->ihw", turn, picture - 0.5) * contrast
    return turned.clamp(0, 1)


def without_copies(files: Sequence[Path], judged: Sequence[Path]) -> list[Path]:
    """The files that are not copies, of any size and quality, of the test pictures."""
    theirs = [_outline(file) for file in judged]
    return [
        file
        for file in files
        if not any(float(_outline(file) @ one) > _COPY_LIKENESS for one in theirs)
    ]


def _outline(file: Path) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A picture's luminance at 16 × 16, minus its mean, as a unit vector."""
    with Image.open(file) as image:
        small = image.convert("L").resize((16, 16), Image.Resampling.LANCZOS)
    levels = np.asarray(small, dtype=np.float64).ravel()
    levels = levels - levels.mean()
    outline: np.ndarray[tuple[int], np.dtype[np.float64]] = levels / (np.linalg.norm(levels) + 1e-9)
    return outline


def kept(file: Path, make: Callable[[], list[TrainingExample]]) -> list[TrainingExample]:
    """Load the examples of a file, or make and save them."""
    if not file.exists():
        written = file.with_suffix(".part")
        torch.save([(example.crop, example.targets) for example in make()], written)
        written.replace(file)
    return [TrainingExample(*parts) for parts in torch.load(file, weights_only=True)]


class Teacher:
    """VGG-19, with features in the basis of their largest principal components.

    Each layer's features are scaled to a mean square of 1 over all components. The components are
    computed from the first crops of the photographs, so they are reproducible.
    """

    def __init__(
        self,
        network: Encoder,
        photographs: Sequence[Path],
        crop_px: int,
        readings: Sequence[Reading] = READINGS,
    ) -> None:
        self._network = network
        self._readings = readings
        squares: dict[str, Tensor] = {}
        chosen = make_crops(photographs, _BASIS_CROPS, crop_px, _BASIS_SEED)
        for found in self._features(chosen):
            for reading in readings:
                # Features affected by zero padding must not influence the components.
                features = inner(found[reading.imitates], reading.layer)
                rows = features[0].flatten(1).double()
                share = rows @ rows.T / rows.shape[1] / len(chosen)
                known = squares.get(reading.layer)
                squares[reading.layer] = share if known is None else known + share
        self._bases = {}
        for reading in readings:
            components = torch.linalg.eigh(squares[reading.layer])[1].flip(1)
            size = squares[reading.layer].trace().sqrt()
            self._bases[reading.layer] = (components[:, : reading.width] / size).float()

    def examples(self, crops: Tensor) -> list[TrainingExample]:
        """The crops with the teacher's features."""
        examples: list[TrainingExample] = []
        for crop, found in zip(crops, self._features(crops), strict=True):
            targets: dict[str, Tensor] = {}
            for reading in self._readings:
                basis, features = self._bases[reading.layer], found[reading.imitates]
                told = torch.einsum("chw,cd->dhw", features[0].float(), basis)
                targets[reading.layer] = told.to(_STORED)
            examples.append(TrainingExample(crop, targets))
        return examples

    def _features(self, crops: Tensor) -> Iterator[dict[str, Tensor]]:
        for crop in crops:
            with torch.no_grad():
                layers = [reading.imitates for reading in self._readings]
                found = features_of(self._network, crop[None].float(), layers)
            yield found
