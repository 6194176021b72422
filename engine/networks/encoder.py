"""What the painter asks of a network."""

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
    """The linear map `weight F + bias` in which features F of a layer are compared."""

    weight: Tensor
    """[K, C]."""
    bias: Tensor
    """[K]."""


@dataclass(frozen=True)
class Stage:
    """The convolutions of one octave, from what the octave before made to the next halving."""

    number: int
    """From the picture on."""
    layers: tuple[str, ...]
    """Those of the layers asked for that it tells, shallow to deep."""
    stride_px: int
    """Pixels of the picture from one number that it is given to the next."""
    reach_px: int
    """How far around a part pixels still change what it makes; a multiple of `made_stride_px`."""
    halves: bool
    """Whether there is a stage after it."""
    made_channels: int
    """Of what it makes for the next stage."""
    kept_bytes_per_pixel: float
    """Memory that its features take for each pixel of a part, about."""
    bytes_per_pixel: float
    """Memory that these, their slopes and what it is given take, about."""

    @property
    def made_stride_px(self) -> int:
        """Pixels of the picture from one number that it makes to the next."""
        return self.stride_px * 2 if self.halves else self.stride_px


@runtime_checkable
class Encoder(Protocol):
    """A frozen network with named layers whose features can be differentiated."""

    @property
    def name(self) -> str:
        """Its name, for reports and for the keys of cached statistics."""

    @property
    def weights_hash(self) -> str:
        """Tells one set of weights from another in the keys of cached statistics."""

    @property
    def layers(self) -> Sequence[str]:
        """Names of all layers that there are, shallow to deep."""

    @property
    def unit(self) -> float:
        """What makes features as large as those of a network that is fed 0..255 minus the mean.

        They are multiplied with it (1 for Caffe's weights). Only the papers' literal losses, which
        are not normalized by their target, need it.
        """

    @property
    def pooling(self) -> str:
        """How it scales down (`max`, `average`, …), for the keys of cached statistics."""

    @property
    def device(self) -> torch.device:
        """Where its weights lie; pictures must be there too."""

    @property
    def dtype(self) -> torch.dtype:
        """Type of its convolutions' numbers, and so of the features."""

    def stages(self, layers: Collection[str]) -> tuple[Stage, ...]:
        """The stages by which the features of these layers are found, no deeper one.

        Raises:
            WeightsError: it has not all of these layers.
        """

    def through(self, stage: Stage, given: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """One stage on the way to the features.

        Args:
            stage: out of `stages`.
            given: the picture, or what the stage before made, [1, C, h, w]; or a part of these,
                whose features are right as far as `reach_px` from its edges within.

        Returns:
            The features of its layers, and what the next stage is given.
        """

    def basis(self, layer: str) -> Basis | None:
        """In what the features of a layer are to be compared; None for as they are.

        Moments are mapped after they were summed, which is much less work.
        """

    def margin_px(self, layers: Collection[str]) -> int:
        """How far around a tile pixels still change the features of these layers inside it.

        A multiple of the largest `stride_px` of these layers, for tiles whose edges are
        multiples of it too or the picture's own.
        """

    def stride_px(self, layer: str) -> int:
        """Pixels of the picture from one feature of this layer to the next."""

    def bytes_per_pixel(self, layers: Collection[str]) -> float:
        """Memory that features and their gradient take for each pixel of a tile, about."""


def features_of(encoder: Encoder, picture: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
    """Features of the named layers, no deeper layer being computed.

    Args:
        encoder: the network.
        picture: [1, 3, H, W], sRGB in 0..1, float32 or float64.
        layers: names out of its `layers`.

    Returns:
        For each name [1, C, h, w], where h and w are H and W divided by its `stride_px`, rounded
        down.

    Raises:
        WeightsError: it has not all of these layers.
    """
    found: dict[str, Tensor] = {}
    x = picture
    for stage in encoder.stages(layers):
        told, x = encoder.through(stage, x)
        found |= told
    return found
