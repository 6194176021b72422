"""The interface of a term of the objective."""

from collections.abc import Collection, Hashable
from dataclasses import dataclass

from torch import Tensor

from engine.painting.tiles import Region

Sums = dict[Hashable, Tensor]
"""Sums over the whole picture, to which each tile contributes, by any keys."""


@dataclass(eq=False)
class OwnFeatures:
    """The features of a layer that a tile owns, and the gradient with respect to them."""

    layer: str
    """Name of the layer."""
    values: Tensor
    """[1, C, h, w], detached."""
    core: Region
    """The tile, in pixels."""
    place: Region
    """The tile, in features of the layer."""
    grad: Tensor
    """Gradient, like `values`; terms add to it."""
    fresh: bool
    """Whether `grad` is still uninitialized, so that it must be overwritten."""

    def add(self, grad: Tensor) -> None:
        """Add the gradient of a term, of any precision."""
        if self.fresh:
            self.grad.copy_(grad)
        else:
            self.grad.add_(grad)
        self.fresh = False


class Term:
    """A term of the loss. This base class contributes nothing; terms override what they need.

    A loss can be computed at up to three places: from sums over the whole picture (`sums`, `loss`),
    for which all tiles are passed once without gradients; from each tile's own features
    (`at_features`); from each tile's pixels (`at_pixels`). Each returns a loss and adds its
    gradient.
    """

    name: str
    """Its name in events, loss logs and plots."""

    @property
    def layers(self) -> Collection[str]:
        """Names of the layers whose features it needs."""
        return ()

    @property
    def summed(self) -> Collection[str]:
        """Names of those layers of which it needs `sums`."""
        return ()

    def sums(self, layer: str, features: Tensor, core: Region) -> Sums:  # noqa: ARG002 (for others)
        """The contribution of a tile's own features [1, C, h, w] of a layer in `summed`."""
        return {}

    def loss(self, sums: Sums) -> tuple[Tensor, Sums] | None:  # noqa: ARG002 (for others)
        """The loss [] from the sums over the whole picture, and its gradients by the same keys."""
        return None

    def at_features(self, own: OwnFeatures, grads: Sums) -> Tensor | None:  # noqa: ARG002
        """The loss [] at a tile's own features; the gradient is added to `own`.

        Args:
            own: features of one of `layers`.
            grads: gradients that `loss` returned, with respect to the sums.
        """
        return None

    def at_pixels(self, picture: Tensor, core: Region, gradient: Tensor) -> Tensor | None:  # noqa: ARG002
        """The loss [] at a tile's pixels; its gradient is added to that of the whole picture.

        Args:
            picture: the whole picture [1, 3, H, W].
            core: the tile.
            gradient: like `picture`.
        """
        return None

    def close(self) -> None:
        """Free memory and files; the term cannot be used afterwards."""
