"""Temporal consistency: a frame is to show what was painted before it, where that is now."""

from dataclasses import dataclass

from torch import Tensor

from engine.painting.inputs import Inputs
from engine.painting.measuring import Measuring
from engine.painting.picture import resized, resized_mask
from engine.painting.terms.term import Term
from engine.painting.tiles import Region


@dataclass(frozen=True, eq=False)
class TemporalTerm(Term):
    """`weight / D · Σ c (x − ω)²` (Ruder, Dosovitskiy and Brox, 2016, eq. 7).

    Attributes:
        weight: divided by D, the number of all the picture's values.
        warped: ω [1, 3, H, W], what was painted before, moved to where it is in this frame.
        known: c [H, W] in 0..1, how far that is known. Several earlier frames (their eq. 9) are
            one: their weighted mean has the same slope.
    """

    weight: float
    warped: Tensor
    known: Tensor
    name = "temporal"

    @classmethod
    def made(cls, measuring: Measuring, inputs: Inputs, content: Tensor) -> "TemporalTerm":
        """As the plan says; see `engine.painting.terms.MakeTerm`."""
        if inputs.held is None:
            raise ValueError("the temporal term needs what was painted before")
        weight, size = measuring.plan.weights["temporal"], (content.shape[-2], content.shape[-1])
        if measuring.plan.loss.units == "caffe":
            weight *= 255.0**2
        warped = resized(inputs.held.pixels, size)[None].to(content)
        known = resized_mask(inputs.held.weights, size).to(content)
        return cls(weight / content.numel(), warped, known)

    def at_pixels(self, picture: Tensor, core: Region, gradient: Tensor) -> Tensor | None:
        """See `Term.at_pixels`."""
        if not self.weight:
            return None
        difference = core.of(picture) - core.of(self.warped)
        pull = difference * core.of(self.known)
        core.of(gradient).add_(pull, alpha=2 * self.weight)
        return pull.mul_(difference).sum() * self.weight
