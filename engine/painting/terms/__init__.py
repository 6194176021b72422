"""The terms of the objective: one module each, listed here."""

from collections.abc import Callable, Mapping

from torch import Tensor

from engine.painting.inputs import Inputs
from engine.painting.measuring import Measuring
from engine.painting.terms.content import ContentTerm
from engine.painting.terms.grain import GrainTerm
from engine.painting.terms.style import StyleTerm
from engine.painting.terms.temporal import TemporalTerm
from engine.painting.terms.term import OwnFeatures, Sums, Term
from engine.painting.terms.variation import VariationTerm

MakeTerm = Callable[[Measuring, Inputs, Tensor], Term]
"""Makes a term for one scale, from network and plan, the pictures, and the photograph at the
scale's size, [1, 3, H, W] on the device. Raises what measuring a style raises."""

TERMS: Mapping[str, MakeTerm] = {
    "style": StyleTerm.made,
    "content": ContentTerm.made,
    "tv": VariationTerm.made,
    "grain": GrainTerm.made,
    "temporal": TemporalTerm.made,
}
"""By the names that recipes give weights to, in the order in which they are summed."""

__all__ = ["TERMS", "OwnFeatures", "Sums", "Term"]
