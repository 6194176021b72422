"""The picture that an optimization starts from: photograph, noise, a file, or earlier frames."""

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from torch import Tensor

from common.options import PaintOptions
from engine.painting.color import mixed_colors, sqrtm
from engine.painting.inputs import Inputs, WarpedFrame, colors_of
from engine.painting.picture import filled, resized, resized_mask

_PATCHES = 6
"""Number of the seed's patches along the longer side."""
_VARIATION = 0.25
"""Their standard deviation, relative to that of the styles' colors: small enough that all seeds end
near to both pictures, large enough that the eye sees two versions."""
_FULLY_KNOWN = 4.0
"""Pixels known to a quarter start fully from the earlier frame: that is better than a
photograph."""
_UNKNOWN_DEVIATION = 0.1


def start_picture(inputs: Inputs, content: Tensor, options: PaintOptions) -> Tensor:
    """The picture [3, H, W] to start from, at the size of the first scale.

    Args:
        inputs: the pictures.
        content: the content at that size.
        options: `start`, `start_noise` and `seed` are used.
    """
    # Random numbers are drawn on the CPU, so that they are the same for all devices.
    if inputs.warped is not None:
        return blend_warped(content, inputs.warped)
    generator = torch.Generator().manual_seed(options.seed)
    needed = options.start in {"noise", "style"} or options.start_noise > 0
    noise = torch.rand(content.shape, generator=generator) if needed else torch.zeros(())
    match options.start:
        case "grey":
            start = _varied(torch.full_like(content, 0.5), inputs, options, generator)
        case "noise":
            start = noise
        case "style":
            start = _style_noise(inputs, content.shape, generator)
        case "file" if inputs.start is not None:
            start = resized(inputs.start.pixels, (content.shape[1], content.shape[2]))
        case _:
            start = _varied(content, inputs, options, generator)
    if options.start_noise > 0:
        start = torch.lerp(start, noise, options.start_noise)
    return start.clamp(0, 1)


def blend_warped(picture: Tensor, warped: WarpedFrame) -> Tensor:
    """A picture [3, H, W] with the warped earlier frames over it, where they are known.

    The painting is lighter or darker than the photograph in broad areas. That difference is
    extended over the unknown parts, so that it does not end at the edge of the known ones.
    """
    size = (picture.shape[-2], picture.shape[-1])
    before = resized(warped.pixels, size).to(picture)
    known = (resized_mask(warped.weights, size).to(picture) * _FULLY_KNOWN).clamp(max=1)
    if not bool(known.any()):
        return picture
    light = filled((before - picture + 1) / 2, known) * 2 - 1
    return torch.lerp(picture + light, before, known).clamp(0, 1)


def _varied(
    start: Tensor, inputs: Inputs, options: PaintOptions, generator: torch.Generator
) -> Tensor:
    """The start [3, H, W] plus broad, faint patches of light and color that depend on the seed.

    From them the optimization finds other strokes, as near to both pictures; without them each seed
    would paint the same picture. At a strength of 0 nothing is added.
    """
    height, width = start.shape[1:]
    rows, columns = (
        max(2, round(_PATCHES * side / max(height, width))) for side in (height, width)
    )
    drawn = torch.randn(3, rows, columns, generator=generator)
    patches = F.interpolate(drawn[None], (height, width), mode="bicubic")[0]
    _mean, root = _palette(inputs)
    amount = _VARIATION * min(1.0, 2 * options.strength)
    return start + amount * torch.einsum("ij,jhw->ihw", root, patches).to(start)


def _style_noise(inputs: Inputs, shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Noise with the mean and covariance of the styles' colours."""
    noise = torch.randn(shape, generator=generator)
    mean, root = _palette(inputs)
    return (torch.einsum("ij,jhw->ihw", root, noise) + mean.view(3, 1, 1)).clamp(0, 1)


def _palette(inputs: Inputs) -> tuple[Tensor, Tensor]:
    """Mean [3] of the styles' colors and square root [3, 3] of the covariance; gray if unknown."""
    known = [
        (style.weight, one) for style in inputs.styles if (one := colors_of(style)) is not None
    ]
    if not known:
        return torch.full((3,), 0.5), torch.eye(3) * _UNKNOWN_DEVIATION
    mixed = mixed_colors(known)
    return mixed.mean.float(), sqrtm(mixed.covariance).float()
