"""What the painter asks of a term of the objective."""

from collections.abc import Collection, Hashable
from dataclasses import dataclass

from torch import Tensor

from engine.painting.tiles import Region

Sums = dict[Hashable, Tensor]
"""What adds up over the tiles to something that is known of the whole picture, by any keys."""


@dataclass(eq=False)
class OwnFeatures:
    """The features of a layer that a tile owns, and the loss' slope with respect to them."""

    layer: str
    """Its name."""
    values: Tensor
    """[1, C, h, w], detached."""
    core: Region
    """The tile, in pixels."""
    place: Region
    """The tile among the layer's features."""
    slope: Tensor
    """Like `values`; terms add to it."""
    fresh: bool
    """`slope` holds nothing yet and is to be overwritten."""

    def add(self, slope: Tensor) -> None:
        """Add a term's part of the slope, of any precision."""
        if self.fresh:
            self.slope.copy_(slope)
        else:
            self.slope.add_(slope)
        self.fresh = False


class Term:
    """A part of the loss, and what it needs of a pass over the tiles; by itself it is nothing.

    A term is judged in up to three places, each of which it may leave alone: by sums over the
    whole picture, for which the tiles are passed once without gradients; at each tile's own
    features; at each tile's pixels. It gives its loss and adds the loss' slope.
    """

    name: str
    """Name of its figure in events, loss logs and plots."""

    @property
    def layers(self) -> Collection[str]:
        """Names of the layers whose features it looks at."""
        return ()

    @property
    def summed(self) -> Collection[str]:
        """Names of those layers that it needs sums of."""
        return ()

    def sums(self, layer: str, features: Tensor, core: Region) -> Sums:  # noqa: ARG002 (for others)
        """What a tile's own features [1, C, h, w] of one of `summed` add to the sums."""
        return {}

    def loss(self, sums: Sums) -> tuple[Tensor, Sums] | None:  # noqa: ARG002 (for others)
        """The loss by the sums over the whole picture, and its slopes with respect to them."""
        return None

    def at_features(self, own: OwnFeatures, slopes: Sums) -> Tensor | None:  # noqa: ARG002
        """The loss at a tile's own features; the slope is added to `own`.

        Args:
            own: features of one of `layers`.
            slopes: of `loss`, with respect to each of the sums.
        """
        return None

    def at_pixels(self, picture: Tensor, core: Region, gradient: Tensor) -> Tensor | None:  # noqa: ARG002
        """The loss at a tile's pixels; the slope is added to the whole picture's gradient.

        Args:
            picture: the whole picture [1, 3, H, W].
            core: the tile.
            gradient: like `picture`.
        """
        return None

    def close(self) -> None:
        """Free what it holds; the term is spent."""
