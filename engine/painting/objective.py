"""The loss of one scale: the sum of the terms that have a weight in the plan."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.networks.encoder import Encoder
from engine.painting.inputs import Inputs
from engine.painting.measuring import Measuring
from engine.painting.picture import Size, resized, resized_mask
from engine.painting.terms import TERMS, Term


@dataclass(frozen=True, eq=False)
class Objective:
    """The loss of one scale."""

    encoder: Encoder
    """The network."""
    size: Size
    """Size of the picture."""
    terms: Sequence[Term]
    """The terms that are summed."""
    untouched: tuple[Tensor, Tensor] | None
    """For a picture that is painted only in part: the pixels [1, 3, H, W] outside, mostly the
    photograph's, and the mask [H, W] of what is painted.
    """

    def layers(self) -> list[str]:
        """All layers in use, shallow to deep."""
        used = {layer for term in self.terms for layer in term.layers}
        return [name for name in self.encoder.layers if name in used]

    def shown(self, picture: Tensor) -> Tensor:
        """The picture with `untouched` restored outside the mask."""
        if self.untouched is None:
            return picture
        stays, mask = self.untouched
        return torch.lerp(stays, picture, mask)

    def close(self) -> None:
        """Free what the terms hold; the objective cannot be used afterwards."""
        for term in self.terms:
            term.close()


def make_objective(measuring: Measuring, inputs: Inputs, content: Tensor) -> Objective:
    """The objective of one scale.

    Args:
        measuring: network, plan and tiles.
        inputs: the pictures.
        content: the content target at the scale's size, [1, 3, H, W] on the device.
    """
    size = (content.shape[-2], content.shape[-1])
    terms = [
        make(measuring, inputs, content)
        for name, make in TERMS.items()
        if name in measuring.plan.weights
    ]
    return Objective(measuring.encoder, size, terms, _untouched(inputs, size, content))


def _untouched(inputs: Inputs, size: Size, like: Tensor) -> tuple[Tensor, Tensor] | None:
    """See `Objective.untouched`: the photograph outside the mask, and static parts of a frame."""
    warped = inputs.warped
    if inputs.mask is None and (warped is None or not bool(warped.still.any())):
        return None
    stays = resized(inputs.content.pixels, size)[None].to(like)
    mask = like.new_ones(size) if inputs.mask is None else resized_mask(inputs.mask, size).to(like)
    if warped is None:
        return stays, mask
    before = resized(warped.pixels, size)[None].to(like)
    still = resized_mask(warped.still, size).to(like)
    free = mask * (1 - still)
    tiny = torch.finfo(like.dtype).tiny
    return torch.lerp(stays, before, still / (1 - free).clamp(min=tiny)), free
