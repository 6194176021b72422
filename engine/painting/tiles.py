"""Tiles and bands of a picture whose features and gradients are exact.

A tile owns the features of its core, and each feature has one owner. The window around the core has
all pixels in the receptive field of these features. Inner edges are at multiples of the network's
stride, outer ones are the picture's own. So each feature is the same as in the whole picture,
including padding.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from torch import Tensor

from engine.networks.encoder import Stage
from engine.painting.picture import Size


@dataclass(frozen=True)
class Region:
    """Rows `top` to `bottom` and columns `left` to `right` (exclusive), in pixels."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def size(self) -> Size:
        """Height and width."""
        return self.bottom - self.top, self.right - self.left

    def grown(self, margin: int, size: Size) -> "Region":
        """With a margin on all sides, clipped to the picture."""
        return Region(
            max(0, self.top - margin),
            min(size[0], self.bottom + margin),
            max(0, self.left - margin),
            min(size[1], self.right + margin),
        )

    def inside(self, window: "Region") -> "Region":
        """The same region, relative to the window's corner."""
        return Region(
            self.top - window.top,
            self.bottom - window.top,
            self.left - window.left,
            self.right - window.left,
        )

    def at_stride(self, stride: int) -> "Region":
        """The region among features that are `stride` pixels apart."""
        return Region(
            self.top // stride, self.bottom // stride, self.left // stride, self.right // stride
        )

    def of(self, tensor: Tensor) -> Tensor:
        """This part of [..., H, W]."""
        return tensor[..., self.top : self.bottom, self.left : self.right]


@dataclass(frozen=True)
class Tiling:
    """Size of a picture, size of its tiles' cores, and the margin around them, in pixels."""

    size: Size
    core_px: int
    margin_px: int

    def cores(self) -> Iterator[Region]:
        """The cores, row by row; each pixel is in exactly one."""
        height, width = self.size
        for top in _starts(height, self.core_px):
            for left in _starts(width, self.core_px):
                bottom = _end(top, height, self.core_px)
                yield Region(top, bottom, left, _end(left, width, self.core_px))

    @property
    def count(self) -> int:
        """Number of tiles."""
        return len(_starts(self.size[0], self.core_px)) * len(_starts(self.size[1], self.core_px))

    @property
    def window_pixels(self) -> int:
        """Pixels of the largest window."""
        return self._longest(self.size[0]) * self._longest(self.size[1])

    def window(self, core: Region) -> Region:
        """The core with its margin, the receptive field of its features.

        Within it these features are exact, and so is their contribution to each pixel's gradient.
        """
        return core.grown(self.margin_px, self.size)

    def _longest(self, length: int) -> int:
        margin = self.margin_px
        return max(
            min(length, _end(start, length, self.core_px) + margin) - max(0, start - margin)
            for start in _starts(length, self.core_px)
        )


@dataclass(frozen=True)
class Bands:
    """Size of a picture, and height of the bands of each of a network's stages, in pixels.

    Heights are multiples of the stage's `out_stride_px`. `kept` says how many bands of each stage,
    the first ones, keep their activations for the backward pass.
    """

    size: Size
    stages: tuple[Stage, ...]
    rows_px: tuple[int, ...]
    kept: tuple[int, ...]
    piece_bytes: int = 0
    """Bytes of one band while it is processed."""

    def cores(self, stage: Stage) -> Iterator[Region]:
        """The bands of a stage, from top to bottom; each pixel is in exactly one."""
        starts = self._starts(stage)
        for top, bottom in zip(starts, [*starts[1:], self.size[0]], strict=True):
            yield Region(top, bottom, 0, self.size[1])

    def window(self, stage: Stage, core: Region) -> Region:
        """The core with its margin, the receptive field of the stage's features in it."""
        return core.grown(stage.margin_px, self.size)

    @property
    def count(self) -> int:
        """Number of bands of all stages."""
        return sum(len(self._starts(stage)) for stage in self.stages)

    def _starts(self, stage: Stage) -> list[int]:
        # A rest that is too short for any output of the stage belongs to the last band.
        rows = self.rows_px[self.stages.index(stage)]
        return list(range(0, max(1, self.size[0] - stage.out_stride_px + 1), rows))


def guide_at(mask: Tensor, region: Region, stride: int) -> Tensor:
    """The part of a mask in a region, averaged to features of this stride."""
    part = region.of(mask)
    return F.avg_pool2d(part[None, None], stride)[0, 0] if stride > 1 else part


def aligned(core_px: int, stride_px: int) -> int:
    """The core size rounded to a multiple of the stride, at least one stride."""
    return max(stride_px, core_px // stride_px * stride_px)


def _starts(length: int, core: int) -> list[int]:
    # A rest that is too short for a tile of its own belongs to the last one.
    return list(range(0, max(1, length - core // 4), core))


def _end(start: int, length: int, core: int) -> int:
    return length if start == _starts(length, core)[-1] else start + core
