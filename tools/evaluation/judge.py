"""Judges pictures by distances on layers of the original VGG-19 that no painter optimizes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from PIL import Image
from torch import Tensor

from engine.networks.encoder import Encoder, WeightsError, features_of
from engine.networks.registry import NetworkSource
from engine.networks.vgg19 import Vgg19
from engine.painting.picture import mirrored
from engine.painting.plan import LEAST_SIDE_PX
from tools.evaluation import measures
from tools.evaluation.pictures import Picture, as_image, as_tensor, fit_longest
from tools.evaluation.shapes import places_about_mean

STYLE_LAYERS = ("relu1_2", "relu2_2", "relu3_2", "relu4_3", "relu5_2")
CONTENT_LAYERS = ("relu3_2", "relu4_3")
CFSD_LAYER = "relu3_1"
_LANCZOS = Image.Resampling.LANCZOS
_CFSD_SIDE = 48
_CFSD_SHARPNESS = 10.0


class JudgeError(Exception):
    """The judge cannot be used; the text says why and what to do."""


@dataclass(frozen=True)
class Verdict:
    """A judgment; lower is better for all values, and 0 is best."""

    style_distance: float
    """Mean over the layers of `‖G − Ĝ‖ / ‖Ĝ‖` to the style's Grams; the content itself commonly has
    0.5 to 1, a good painting 0.1 to 0.3.
    """
    content_distance: float
    """Mean over the layers of `‖F − F̂‖ / ‖F̂‖` to the content's features."""
    cfsd: float
    """Distance of the self-similarity of relu3_1 to the content's (KL, nats)."""
    grain: float
    """Energy of the finest detail over content's or style's, the greater; 1 is even."""
    checkerboard: float
    """Share of diagonal pixel detail over content's or style's; 1 is even."""
    border_color: float
    """Greatest jump of mean color at a border beyond the content's, in 0..1."""
    border_detail: float
    """Fine detail at a side over that further in, at the worst side; 1 is even."""
    foreign_colors: float
    """Share of pixels with a color that is in neither picture."""
    style_by_layer: Mapping[str, float]
    """The style distance of each layer."""
    content_by_layer: Mapping[str, float]
    """The content distance of each layer."""


@dataclass(frozen=True)
class StyleReference:
    """A style picture at the size of the results to be judged, with its Grams."""

    picture: Tensor
    grams: Mapping[str, Tensor]


class Judge:
    """Judges results; reusable.

    Args:
        encoder: VGG-19 with layers down to relu5_2, in float32.
        longest_px: Larger results are scaled down to this longest side before.
        style_layers: Layers for the style distance.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        longest_px: int = 1024,
        style_layers: Sequence[str] = STYLE_LAYERS,
    ) -> None:
        self._all_layers = tuple(dict.fromkeys((*style_layers, *CONTENT_LAYERS, CFSD_LAYER)))
        check_layers(encoder, self._all_layers)
        self._encoder = encoder
        self._longest_px = longest_px
        self._style_layers = style_layers

    @classmethod
    def load(
        cls,
        weights: Path | None = None,
        *,
        device: str = "cpu",
        longest_px: int = 1024,
    ) -> "Judge":
        """A judge with VGG-19's weights.

        Args:
            weights: A file; by default the original's, which come along, whatever paints.
            device: Where to compute.
            longest_px: See the class.

        Raises:
            JudgeError: There is no such file, or it is not the whole VGG-19.
        """
        try:
            encoder = Vgg19(NetworkSource(weights).weights(), device=torch.device(device))
        except WeightsError as problem:
            raise JudgeError(str(problem)) from problem
        return cls(encoder, longest_px=longest_px)

    @torch.no_grad()
    def style_target(self, style: Picture, longest_px: float) -> StyleReference:
        """The style at this longest side (never enlarged), to compare results with."""
        image = fit_longest(as_image(style), min(longest_px, self._longest_px))
        picture = self._tensor(image)
        features = features_of(self._encoder, picture, self._style_layers)
        return StyleReference(picture, {layer: gram(one) for layer, one in features.items()})

    @torch.no_grad()
    def style_distances(self, result: Picture, target: StyleReference) -> dict[str, float]:
        """The relative Gram distance of each layer, without the rest of a verdict."""
        image = fit_longest(as_image(result), self._longest_px)
        features = features_of(self._encoder, self._tensor(image), self._style_layers)
        return self._apart(features, target)

    @torch.no_grad()
    def judge(
        self, result: Picture, content: Picture, style: Picture, *, style_scale: float = 1.0
    ) -> Verdict:
        """The verdict on a result.

        Args:
            result: The painting.
            content: The photograph; resized to the result's size.
            style: The painting; resized to the result's longest side times style_scale, but never
                enlarged.
            style_scale: Size of the style picture relative to the result.

        Raises:
            OSError: A file is absent or holds no picture.
        """
        image = fit_longest(as_image(result), self._longest_px)
        painted = self._tensor(image)
        photograph = self._tensor(as_image(content).resize(image.size, _LANCZOS))
        target = self.style_target(style, max(image.size) * style_scale)

        found = features_of(self._encoder, painted, self._all_layers)
        wanted = features_of(
            self._encoder, photograph, tuple(dict.fromkeys((*CONTENT_LAYERS, CFSD_LAYER)))
        )
        by_style = self._apart(found, target)
        by_content = {one: relative_distance(found[one], wanted[one]) for one in CONTENT_LAYERS}
        return Verdict(
            style_distance=fmean(by_style.values()),
            content_distance=fmean(by_content.values()),
            cfsd=cfsd(found[CFSD_LAYER], wanted[CFSD_LAYER]),
            grain=measures.grain(painted, photograph, target.picture),
            checkerboard=measures.checkerboard(painted, photograph, target.picture),
            border_color=measures.border_color(painted, photograph),
            border_detail=measures.border_detail(painted, photograph),
            foreign_colors=measures.foreign_colors(painted, photograph, target.picture),
            style_by_layer=by_style,
            content_by_layer=by_content,
        )

    def _tensor(self, image: Image.Image) -> Tensor:
        """On the device; a very narrow one continued by mirror images, as the deep layers ask."""
        size = (max(image.height, LEAST_SIDE_PX), max(image.width, LEAST_SIDE_PX))
        pixels = as_tensor(image, torch.device("cpu"))[0]
        return mirrored(pixels, size)[None].to(self._encoder.device)

    def _apart(self, found: Mapping[str, Tensor], target: StyleReference) -> dict[str, float]:
        grams = {layer: gram(found[layer]) for layer in self._style_layers}
        return {layer: relative_distance(one, target.grams[layer]) for layer, one in grams.items()}


def gram(features: Tensor) -> Tensor:
    """`F Fᵀ / (h w)` of features [1, C, h, w], scaled before the product, in float32."""
    flat = features[0].flatten(1).float()
    flat = flat / math.sqrt(flat.shape[1])
    return flat @ flat.T


def cfsd(found: Tensor, wanted: Tensor) -> float:
    """CFSD: how far the picture's self-similarity is from the content's (Chung et al., 2024).

    For each place the cosines to all places, sharpened and put through a softmax, are compared
    by the Kullback-Leibler divergence from the content's. Unlike in the paper, features are
    normalized, so that the scale of a network's weights does not matter, and are averaged to at
    most 48 × 48 places, so that the size of the picture matters little.
    """
    reference, other = _self_similarity(wanted), _self_similarity(found)
    return float((reference.exp() * (reference - other)).sum(1).mean().clamp(min=0))


def _self_similarity(features: Tensor) -> Tensor:
    places = places_about_mean(features, _CFSD_SIDE)
    return F.log_softmax(_CFSD_SHARPNESS * (places @ places.T), dim=1)


def relative_distance(found: Tensor, wanted: Tensor) -> float:
    """`‖F − F̂‖ / ‖F̂‖`."""
    size = torch.linalg.vector_norm(wanted).clamp(min=1e-12)
    return float(torch.linalg.vector_norm(found - wanted) / size)


def check_layers(encoder: Encoder, layers: Sequence[str]) -> None:
    """Raise JudgeError where a network ends before one of the layers."""
    missing = [layer for layer in layers if layer not in encoder.layers]
    if missing:
        raise JudgeError(f"The judge's network lacks the layers {', '.join(missing)}.")
