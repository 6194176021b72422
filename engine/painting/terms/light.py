"""Light: what is light in the photograph, seen from afar, is to be light in the picture.

A deep layer's features hardly know how light a place is, and the style's statistics do not know
where anything is, so strokes gather into dark patches anywhere. The luma over some strokes' width
is not to be less than the photograph's: a white chest stays light and lit windows bright. Strokes
are free, and so is what is lighter, such as stars in a night sky.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from torch import Tensor

from engine.networks.border import repeat_border
from engine.painting.color import REC709, luminance
from engine.painting.inputs import Inputs
from engine.painting.measuring import Measuring
from engine.painting.terms.term import Term
from engine.painting.tiles import Region

_BROAD = 1 / 32
"""Deviation of the blur, in parts of the longer side: about the width of a stroke."""
_CELLS = 128
"""Cells along the longer side, at least, whose means are blurred in place of the pixels."""
_LIGHT = 0.75
"""Luma that is light enough, as a lamp that a palette has made white need not stay so."""
_LEAST_VARIANCE = 0.01
"""Of luma, by which the loss is divided: that of a photograph with little light and shade."""


@dataclass(frozen=True, eq=False)
class LightTerm(Term):
    """`weight` times the square of what the blurred luma lacks, summed over cells.

    Attributes:
        weight: for each cell.
        wanted: [1, 1, rows, columns], the photograph's blurred luma, or what is light enough.
        cell_px: side of a cell.
        deviation: of the blur, in cells.
    """

    weight: float
    wanted: Tensor
    cell_px: int
    deviation: float
    name = "light"

    @classmethod
    def made(cls, measuring: Measuring, inputs: Inputs, content: Tensor) -> "LightTerm":  # noqa: ARG003
        """As the plan says, for the mean over the picture; see `engine.painting.terms.MakeTerm`."""
        longest, cell_px = max(content.shape[-2:]), 1
        while longest >= 2 * cell_px * _CELLS:
            cell_px *= 2
        deviation = longest * _BROAD / cell_px
        wanted = _blurred(_cells(content, cell_px), deviation).clamp(max=_LIGHT)
        weight = measuring.plan.weights["light"] / wanted.numel()
        match measuring.plan.loss.units:
            case "relative":
                weight /= max(float(luminance(content).var(unbiased=False)), _LEAST_VARIANCE)
            case "caffe":
                weight *= 255.0**2
            case "torchvision":
                pass
        return cls(weight, wanted, cell_px, deviation)

    def at_pixels(self, picture: Tensor, core: Region, gradient: Tensor) -> Tensor | None:
        """See `Term.at_pixels`: with the first tile for all, as cells are few and the blur wide."""
        if not self.weight or core.top or core.left:
            return None
        with torch.enable_grad():
            cells = _cells(picture.detach(), self.cell_px).requires_grad_()
            lacking = (self.wanted - _blurred(cells, self.deviation)).clamp(min=0)
            loss = lacking.square().sum() * self.weight
            (slope,) = torch.autograd.grad(loss, cells)
        plane = _on_pixels(slope[0, 0], self.cell_px, gradient)
        for channel, share in enumerate(REC709):
            gradient[0, channel].add_(plane, alpha=share)
        return loss.detach()


def _cells(picture: Tensor, cell_px: int) -> Tensor:
    """Mean luma [1, 1, rows, columns] of cells; those at the far borders may be smaller."""
    means = F.avg_pool2d(picture, cell_px, ceil_mode=True, count_include_pad=False)
    return luminance(means)


def _on_pixels(slope: Tensor, cell_px: int, picture: Tensor) -> Tensor:
    """The slope [H, W] of luma, from that of its means in cells."""
    for axis, length in enumerate(picture.shape[-2:]):
        cells = slope.shape[axis]
        sizes = torch.full((cells,), cell_px, device=slope.device)
        sizes[-1] = length - (cells - 1) * cell_px
        slope = (slope / sizes.unsqueeze(1 - axis)).repeat_interleave(cell_px, axis)
        slope = slope.narrow(axis, 0, length)
    return slope


def _blurred(cells: Tensor, deviation: float) -> Tensor:
    """By a Gaussian; what lies beyond the border is as at the border."""
    reach = round(3 * deviation)
    places = torch.arange(-reach, reach + 1, device=cells.device, dtype=cells.dtype)
    taps = torch.exp(-0.5 * (places / deviation).square())
    taps = taps / taps.sum()
    padded = repeat_border(cells, left=reach, right=reach, top=reach, bottom=reach)
    return F.conv2d(F.conv2d(padded, taps.view(1, 1, 1, -1)), taps.view(1, 1, -1, 1))
