"""Grain: detail of two or three pixels, finer than any stroke, is to be the photograph's.

Most of all where that is nearly black: nothing can be darker there, so that what a style wants of
contrast comes as light specks, and the eye goes by relations (Weber's law).
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
"""Fourth differences have the factors 1, −4, 6, −4, 1; so divided they leave sin⁴(w/2) of a wave of
w radians a pixel: all at a period of two pixels, a half at three, a quarter at four, and a fiftieth
at eight."""
_LEVELS = 255
_BLACK, _DARK = 0.02, 0.18
"""Luma where it counts most, and from which on it counts as everywhere."""
_AROUND_PX = 2
_USUAL_PX = 512
"""From this size on it counts more, by the square of the size: a photograph has less of the finest
detail the larger it is, and a scan, used nearer to its own pixels, has more.
"""


@dataclass(frozen=True, eq=False)
class GrainTerm(Term):
    """`weight` times the squared fourth differences of the change, along both axes, summed.

    Differences that would reach over the picture's border are left out.

    Attributes:
        weight: for each pixel.
        photograph: [1, 3, H, W] in levels of 8 bits, as memory counts; it has no more.
        emphasis: [1, 1, H, W], how much each pixel counts; None for 1 everywhere.
    """

    weight: float
    photograph: Tensor
    emphasis: Tensor | None = None
    name = "grain"

    @classmethod
    def made(cls, measuring: Measuring, inputs: Inputs, content: Tensor) -> "GrainTerm":  # noqa: ARG003
        """As the plan says, for the mean over the picture; see `engine.painting.terms.MakeTerm`."""
        height, width = content.shape[-2:]
        weight = measuring.plan.weights["grain"] / (height * width)
        weight *= max(1.0, max(height, width) / _USUAL_PX) ** 2
        if measuring.plan.loss.units == "caffe":
            weight *= 255.0**2
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
        slope, total = window.of(gradient), picture.new_zeros(())
        for axis, across, start, end in ((2, 3, own.left, own.right), (3, 2, own.top, own.bottom)):
            lines = change.narrow(across, start, end - start)
            fourth = _second_difference(_second_difference(lines, axis), axis).mul_(_SIXTEENTH)
            counted = fourth
            if self.emphasis is not None:
                counts = window.of(self.emphasis).narrow(across, start, end - start)
                counted = fourth * counts.narrow(axis, _REACH_PX, fourth.shape[axis])
            total += (fourth * counted).sum()
            around = (0, 0, 2 * _REACH_PX, 2 * _REACH_PX) if axis == 2 else (2 * _REACH_PX,) * 2
            back = _second_difference(F.pad(counted, around), axis)
            slope.narrow(across, start, end - start).add_(
                _second_difference(back, axis), alpha=2 * self.weight * _SIXTEENTH
            )
        return total * self.weight


def darkness(picture: Tensor) -> Tensor:
    """How near to black each place of a picture [1, 3, H, W] is, [1, 1, H, W] in 0..1."""
    luma = luminance(picture)
    side = 2 * _AROUND_PX + 1
    around = F.avg_pool2d(F.pad(luma, (_AROUND_PX,) * 4, "replicate"), side, 1)
    return ((_DARK - around) / (_DARK - _BLACK)).clamp(0, 1)


def _second_difference(lines: Tensor, axis: int) -> Tensor:
    """1, −2, 1 along an axis, which gets shorter by two."""
    count = lines.shape[axis] - 2
    outer = lines.narrow(axis, 0, count) + lines.narrow(axis, 2, count)
    return outer.sub_(lines.narrow(axis, 1, count), alpha=2)
