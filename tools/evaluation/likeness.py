"""Likeness to the painting and to the photograph, by measures that no optimizer of ours uses.

Measures that rate the unchanged photograph or the painting itself best say nothing about pictures
in between; so a table has these two as its first rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from statistics import fmean

import torch
from PIL import Image, ImageOps

from engine.networks.encoder import Encoder, features_of
from tools.evaluation import measures
from tools.evaluation.distributions import nearest_neighbors, palette_distance, sliced_wasserstein
from tools.evaluation.judge import STYLE_LAYERS, check_layers, gram, relative_distance
from tools.evaluation.pictures import Picture, as_image, as_tensor, fit_longest
from tools.evaluation.shapes import edge_distance, ssim_distance, structure_distance

STRUCTURE_LAYERS = ("relu3_3", "relu4_3")
PHOTOGRAPH, PAINTING = "photograph unchanged", "painting itself"
_ALL_LAYERS = tuple(dict.fromkeys((*STYLE_LAYERS, *STRUCTURE_LAYERS)))
_LANCZOS = Image.Resampling.LANCZOS


@dataclass(frozen=True)
class Likeness:
    """Measurements of a picture at one scale; lower is better for all of them."""

    gram: float
    """To the painting: mean of `‖G − Ĝ‖ / ‖Ĝ‖` over the held-out layers."""
    palette: float
    """To the painting: see `palette_distance`."""
    wasserstein: float
    """To the painting: mean of `sliced_wasserstein` over the layers."""
    missing: float
    """How far the painting's features are from their nearest neighbors in the picture."""
    foreign: float
    """How far the picture's features are from their nearest neighbors in the painting."""
    structure: float
    """To the photograph: mean of `structure_distance` over relu3_3 and relu4_3."""
    ssim: float
    """To the photograph: see `ssim_distance`."""
    edges: float
    """To the photograph: see `edge_distance`."""
    two_pixel: float
    """Power at two-pixel periods relative to the painting; 1 is equal."""


MEASURES = tuple(field.name for field in fields(Likeness))


class Panel:
    """Measures likeness; reusable.

    Args:
        encoder: VGG-19 with layers down to relu5_2, in float32.

    Raises:
        JudgeError: The network ends too early.
    """

    scales = (1.0, 0.5)
    """Sizes at which pictures are measured, relative to their own."""

    def __init__(self, encoder: Encoder) -> None:
        check_layers(encoder, _ALL_LAYERS)
        self._encoder = encoder

    @torch.no_grad()
    def measure(self, result: Picture, content: Picture, style: Picture) -> list[Likeness]:
        """The likeness at each scale.

        Args:
            result: The picture.
            content: The photograph; resized to the picture's size.
            style: The painting; resized to the picture's longer side, but never enlarged.
        """
        image = as_image(result)
        photograph = as_image(content).resize(image.size, _LANCZOS)
        painting = as_image(style)
        return [self._at_scale(image, photograph, painting, scale) for scale in self.scales]

    def table(
        self, results: Mapping[str, Picture], content: Picture, style: Picture
    ) -> dict[str, list[Likeness]]:
        """Rows by name: the photograph unchanged, the painting itself, then the results.

        The painting is cut to the shape of the first result for its row.
        """
        size = as_image(next(iter(results.values()))).size
        rows: dict[str, Picture] = {
            PHOTOGRAPH: as_image(content).resize(size, _LANCZOS),
            PAINTING: ImageOps.fit(as_image(style), size, _LANCZOS),
            **results,
        }
        return {name: self.measure(one, content, style) for name, one in rows.items()}

    def _at_scale(
        self, image: Image.Image, photograph: Image.Image, painting: Image.Image, scale: float
    ) -> Likeness:
        device = self._encoder.device
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        result = as_tensor(image.resize(size, _LANCZOS), device)
        content = as_tensor(photograph.resize(size, _LANCZOS), device)
        style = as_tensor(fit_longest(painting, max(size)), device)
        found = features_of(self._encoder, result, _ALL_LAYERS)
        wanted = features_of(self._encoder, style, STYLE_LAYERS)
        kept = features_of(self._encoder, content, STRUCTURE_LAYERS)
        pairs = [(found[one], wanted[one]) for one in STYLE_LAYERS]
        neighbors = [nearest_neighbors(*pair) for pair in pairs]
        return Likeness(
            gram=fmean([relative_distance(gram(ours), gram(its)) for ours, its in pairs]),
            palette=palette_distance(result, style),
            wasserstein=fmean([sliced_wasserstein(*pair) for pair in pairs]),
            missing=fmean([one[0] for one in neighbors]),
            foreign=fmean([one[1] for one in neighbors]),
            structure=fmean(structure_distance(found[one], kept[one]) for one in STRUCTURE_LAYERS),
            ssim=ssim_distance(result, content),
            edges=edge_distance(result, content),
            two_pixel=measures.two_pixel_ratio(result, style),
        )


def mean_of(found: Sequence[Likeness]) -> Likeness:
    """The mean of each measure."""
    return Likeness(**{name: fmean([getattr(one, name) for one in found]) for name in MEASURES})


def as_markdown(rows: Mapping[str, Sequence[Likeness]], scales: Sequence[float]) -> str:
    """The table as text: for each measure a column, at each scale a number."""
    lines = ["| | " + " | ".join(MEASURES) + " |", "|:--|" + "--:|" * len(MEASURES)]
    for name, found in rows.items():
        cells = [" / ".join(f"{getattr(one, key):.3f}" for one in found) for key in MEASURES]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    parts = " / ".join(f"{scale:g}" for scale in scales)
    return "\n".join([*lines, "", f"Each number at {parts} of the picture's size; less is better."])
