"""Temporal consistency: a frame should equal the painted frames before it, warped to it."""

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

    Several earlier frames (their eq. 9) are replaced by their weighted mean, which has the same
    gradient.
    """

    weight: float
    """Divided by D, the number of values of the picture."""
    warped: Tensor
    """ω [1, 3, H, W], the earlier painting, warped by optical flow."""
    known: Tensor
    """c [H, W] in 0..1, its per-pixel weight."""
    name = "temporal"

    @classmethod
    def made(cls, measuring: Measuring, inputs: Inputs, content: Tensor) -> "TemporalTerm":
        """As the plan says; see `engine.painting.terms.MakeTerm`."""
        if inputs.warped is None:
            raise ValueError("the temporal term needs what was painted before")
        weight = measuring.plan.weights["temporal"] * measuring.pixel_unit**2
        size = (content.shape[-2], content.shape[-1])
        warped = resized(inputs.warped.pixels, size)[None].to(content)
        known = resized_mask(inputs.warped.weights, size).to(content)
        return cls(weight / content.numel(), warped, known)

    def at_pixels(self, picture: Tensor, core: Region, gradient: Tensor) -> Tensor | None:
        """See `Term.at_pixels`."""
        if not self.weight:
            return None
        difference = core.of(picture) - core.of(self.warped)
        pull = difference * core.of(self.known)
        core.of(gradient).add_(pull, alpha=2 * self.weight)
        return pull.mul_(difference).sum() * self.weight
