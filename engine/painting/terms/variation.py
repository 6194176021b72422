"""Smoothness: total variation of the pixels."""

from dataclasses import dataclass

from torch import Tensor

from engine.painting.inputs import Inputs
from engine.painting.losses import variation
from engine.painting.measuring import Measuring
from engine.painting.terms.term import Term
from engine.painting.tiles import Region


@dataclass(frozen=True, eq=False)
class VariationTerm(Term):
    """`weight` times the sum of `engine.painting.losses.variation` over all pixels."""

    weight: float
    name = "tv"

    @classmethod
    def made(cls, measuring: Measuring, inputs: Inputs, content: Tensor) -> "VariationTerm":  # noqa: ARG003
        """As the plan says; see `engine.painting.terms.MakeTerm`."""
        height, width = content.shape[-2:]
        weight = measuring.plan.weights["tv"] / (height * width)
        return cls(weight * measuring.pixel_unit**2)

    def at_pixels(self, picture: Tensor, core: Region, gradient: Tensor) -> Tensor | None:
        """See `Term.at_pixels`."""
        if not self.weight:
            return None
        window = core.grown(1, (picture.shape[-2], picture.shape[-1]))
        own = core.inside(window)
        rows, columns = slice(own.top, own.bottom), slice(own.left, own.right)
        loss, grad = variation(window.of(picture), rows, columns)
        window.of(gradient).add_(grad, alpha=self.weight)
        return loss * self.weight
