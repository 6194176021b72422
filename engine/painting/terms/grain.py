"""Grain: detail of two or three pixels, finer than any stroke, should be that of the photograph.

Above all where the photograph is nearly black. Nothing can get darker there, so the contrast of a
style appears as light specks, which the eye notices, as it judges by ratios (Weber's law).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from torch import Tensor

from engine.painting.color import luminance
from engine.painting.inputs import Inputs
from engine.painting.measuring import Measuring
from engine.painting.picture import Size
from engine.painting.terms.term import Term
from engine.painting.tiles import Region

_REACH_PX = 2
_SIXTEENTH = 1 / 16
"""Fourth differences have the coefficients 1, −4, 6, −4, 1. Divided by 16 they leave sin⁴(w/2) of a
wave of w radians a pixel: all at a period of two pixels, about a half at three, a quarter at four,
and a fiftieth at eight."""
_LEVELS = 255
_BLACK, _DARK = 0.02, 0.18
"""Luma up to which the weight is greatest, and from which on it is the usual one."""
_AROUND_PX = 2
_USUAL_PX = 512
"""Above this size the weight grows with the square of the size: the larger a photograph, the less
it has of the finest detail, while a scan, used nearer to its own pixels, has more.
"""


@dataclass(frozen=True, eq=False)
class GrainTerm(Term):
    """`weight` times Σ (fourth difference of picture − photograph)², along both axes.

    Differences across the picture's border are left out.
    """

    weight: float
    """Of each pixel."""
    photograph: Tensor
    """[1, 3, H, W] in 8-bit levels, all that it has, to save memory."""
    emphasis: Tensor | None = None
    """[1, 1, H, W], a factor of the weight for each pixel; None for 1 everywhere."""
    name = "grain"

    @classmethod
    def made(cls, measuring: Measuring, inputs: Inputs, content: Tensor) -> "GrainTerm":  # noqa: ARG003
        """As the plan says, normalized to the mean; see `engine.painting.terms.MakeTerm`."""
        height, width = content.shape[-2:]
        weight = measuring.plan.weights["grain"] / (height * width)
        weight *= (measuring.pixel_unit * max(1.0, max(height, width) / _USUAL_PX)) ** 2
        dark = measuring.plan.dark
        emphasis = 1 + dark * darkness(content) if dark else None
        return cls(weight, (content * _LEVELS).round().to(torch.uint8), emphasis)

    def at_pixels(self, picture: Tensor, core: Region, gradient: Tensor) -> Tensor | None:
        """See `Term.at_pixels`."""
        if not self.weight:
            return None
        size: Size = (picture.shape[-2], picture.shape[-1])
        window = core.grown(_REACH_PX, size)
        own = core.inside(window)
        change = window.of(self.photograph).to(picture.dtype).mul_(-1 / _LEVELS)
        change.add_(window.of(picture))
        grad, total = window.of(gradient), picture.new_zeros(())
        for axis, across, start, end in ((2, 3, own.left, own.right), (3, 2, own.top, own.bottom)):
            lines = change.narrow(across, start, end - start)
            fourth = _second_difference(_second_difference(lines, axis), axis).mul_(_SIXTEENTH)
            weighted = fourth
            if self.emphasis is not None:
                weights = window.of(self.emphasis).narrow(across, start, end - start)
                weighted = fourth * weights.narrow(axis, _REACH_PX, fourth.shape[axis])
            total += (fourth * weighted).sum()
            around = (0, 0, 2 * _REACH_PX, 2 * _REACH_PX) if axis == 2 else (2 * _REACH_PX,) * 2
            back = _second_difference(F.pad(weighted, around), axis)
            grad.narrow(across, start, end - start).add_(
                _second_difference(back, axis), alpha=2 * self.weight * _SIXTEENTH
            )
        return total * self.weight


def darkness(picture: Tensor) -> Tensor:
    """How dark the surroundings of each pixel of [1, 3, H, W] are, [1, 1, H, W] in 0..1."""
    luma = luminance(picture)
    side = 2 * _AROUND_PX + 1
    around = F.avg_pool2d(F.pad(luma, (_AROUND_PX,) * 4, "replicate"), side, 1)
    return ((_DARK - around) / (_DARK - _BLACK)).clamp(0, 1)


def _second_difference(lines: Tensor, axis: int) -> Tensor:
    """Coefficients 1, −2, 1 along an axis, which gets shorter by two."""
    count = lines.shape[axis] - 2
    outer = lines.narrow(axis, 0, count) + lines.narrow(axis, 2, count)
    return outer.sub_(lines.narrow(axis, 1, count), alpha=2)
