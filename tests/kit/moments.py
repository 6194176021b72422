"""The moments of one layer with one weighting, for the painter's tests."""

from torch import Tensor

from engine.painting.moments import Weighting, all_moments
from engine.painting.statistics import LayerMoments


def moments(features: Tensor, guide: Tensor | None, total: float) -> LayerMoments:
    """`all_moments` with one weighting."""
    return all_moments(features, [Weighting(guide, total)])[0]
