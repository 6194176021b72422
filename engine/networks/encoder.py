"""The protocol of a feature extractor, as the painter uses it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from common.sentences import ExplainedError

TORCHVISION_STD = (0.229, 0.224, 0.225)
TORCHVISION_MEAN = (0.485, 0.456, 0.406)


class WeightsError(ExplainedError):
    """A network cannot be used as asked."""


@dataclass(frozen=True, eq=False)
class Basis:
    """The linear map `weight F + bias` that is applied to a layer's features F before comparing."""

    weight: Tensor
    """[K, C]."""
    bias: Tensor
    """[K]."""


@dataclass(frozen=True)
class Stage:
    """The convolutions between two poolings, with the pooling at their end if there is one.

    Distances and memory are in pixels of the picture, not of the features.
    """

    number: int
    """From 0, the stage that takes the picture."""
    layers: tuple[str, ...]
    """The requested layers whose features it computes, shallow to deep."""
    stride_px: int
    """Distance of neighboring positions of its input."""
    margin_px: int
    """Radius of its receptive field, rounded up to a multiple of `out_stride_px`."""
    downsamples: bool
    """Whether it ends with a pooling, for the stage after it."""
    out_channels: int
    """Channels of its output."""
    kept_bytes_per_pixel: float
    """Approximate memory of its activations."""
    bytes_per_pixel: float
    """Approximate memory of its activations, their gradients, and its input."""

    @property
    def out_stride_px(self) -> int:
        """Distance of neighboring positions of its output."""
        return self.stride_px * 2 if self.downsamples else self.stride_px


@runtime_checkable
class Encoder(Protocol):
    """A frozen network with named layers whose features can be differentiated."""

    @property
    def name(self) -> str:
        """Name of the network, for reports and for the keys of cached statistics."""

    @property
    def weights_hash(self) -> str:
        """Hash of its weights, for reports and for the keys of cached statistics."""

    @property
    def layers(self) -> Sequence[str]:
        """Names of all its layers, shallow to deep."""

    @property
    def unit(self) -> float:
        """Factor that brings features to the scale of Caffe's VGG (input 0..255 minus the mean).

        1 for Caffe's weights. Only the papers' literal losses need it, as they are not normalized
        by their target.
        """

    @property
    def pooling(self) -> str:
        """Its kind of pooling, `max` or `average`, for the keys of cached statistics."""

    @property
    def device(self) -> torch.device:
        """Device of its weights; pictures must be on the same one."""

    @property
    def dtype(self) -> torch.dtype:
        """Type of the weights, and so of the features."""

    def stages(self, layers: Collection[str]) -> tuple[Stage, ...]:
        """The stages that compute the features of these layers, and none deeper.

        Raises:
            WeightsError: the network lacks one of these layers.
        """

    def forward_stage(self, stage: Stage, inputs: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Run one stage.

        Args:
            stage: one of `stages`.
            inputs: the picture, or the output of the stage before, [1, C, h, w]. It may be a part
                of either; features nearer than `margin_px` to its inner edges are then wrong.

        Returns:
            The features of its layers by name, and its output, the input of the next stage.
        """

    def basis(self, layer: str) -> Basis | None:
        """The basis in which features of this layer are compared; None to compare them unmapped.

        Moments are mapped after summation, which is much less work than mapping the features.
        """

    def margin_px(self, layers: Collection[str]) -> int:
        """Radius of the receptive field of the deepest of these layers, in pixels.

        Rounded up to a multiple of the largest `stride_px` of these layers, for tiles whose edges
        are multiples of it or the picture's own.
        """

    def stride_px(self, layer: str) -> int:
        """Distance of neighboring features of this layer, in pixels of the picture."""

    def border(self, layer: str) -> int:
        """Positions at each side of a picture that count in no statistics of this layer.

        See `engine.painting.border`.
        """

    def bytes_per_pixel(self, layers: Collection[str]) -> float:
        """Approximate memory of features and their gradients, for each pixel of a tile."""

    def multiplications_per_pixel(self, layers: Collection[str]) -> float:
        """Multiplications of all convolutions up to these layers, for each pixel of a picture."""


def features_of(encoder: Encoder, picture: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
    """Features of the named layers; nothing deeper is computed.

    Args:
        encoder: the network.
        picture: [1, 3, H, W], sRGB in 0..1, float32 or float64.
        layers: names out of its `layers`.

    Returns:
        For each name [1, C, h, w], where h and w are H and W divided by its `stride_px`, rounded
        down.

    Raises:
        WeightsError: the network lacks one of these layers.
    """
    found: dict[str, Tensor] = {}
    x = picture
    for stage in encoder.stages(layers):
        told, x = encoder.forward_stage(stage, x)
        found |= told
    return found
