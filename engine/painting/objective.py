"""What a picture of one size is judged by: the sum of the terms that the plan weighs."""

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
    """What a picture of one size is judged by."""

    encoder: Encoder
    """The network."""
    size: Size
    """Size of the picture."""
    terms: Sequence[Term]
    """Terms of the loss, which is their sum."""
    untouched: tuple[Tensor, Tensor] | None = None
    """Where a picture is to stay as it is: that [1, 3, H, W], mostly the photograph, and the mask
    [H, W] of what may be painted.
    """

    def layers(self) -> list[str]:
        """All layers in use, shallow to deep."""
        used = {layer for term in self.terms for layer in term.layers}
        return [name for name in self.encoder.layers if name in used]

    def shown(self, picture: Tensor) -> Tensor:
        """The picture with that put back where nothing may be painted."""
        if self.untouched is None:
            return picture
        stays, mask = self.untouched
        return torch.lerp(stays, picture, mask)

    def close(self) -> None:
        """Free what the terms hold; the objective is spent."""
        for term in self.terms:
            term.close()


def make_objective(measuring: Measuring, inputs: Inputs, content: Tensor) -> Objective:
    """The objective of one scale.

    Args:
        measuring: network, plan and tiles.
        inputs: the pictures.
        content: the photograph as it is painted from, at the scale's size, [1, 3, H, W] on the
            device.
    """
    size = (content.shape[-2], content.shape[-1])
    terms = [
        make(measuring, inputs, content)
        for name, make in TERMS.items()
        if name in measuring.plan.weights
    ]
    return Objective(measuring.encoder, size, terms, _untouched(inputs, size, content))


def _untouched(inputs: Inputs, size: Size, like: Tensor) -> tuple[Tensor, Tensor] | None:
    """What stays as it is: the photograph outside the mask, and of a frame what stands still."""
    held = inputs.held
    if inputs.mask is None and (held is None or not bool(held.still.any())):
        return None
    stays = resized(inputs.content.pixels, size)[None].to(like)
    mask = like.new_ones(size) if inputs.mask is None else resized_mask(inputs.mask, size).to(like)
    if held is None:
        return stays, mask
    before = resized(held.pixels, size)[None].to(like)
    still = resized_mask(held.still, size).to(like)
    free = mask * (1 - still)
    tiny = torch.finfo(like.dtype).tiny
    return torch.lerp(stays, before, still / (1 - free).clamp(min=tiny)), free
