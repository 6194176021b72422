"""From the optimized tensor to the picture that is shown: size, colors, alpha."""

from dataclasses import dataclass

from PIL import Image
from torch import Tensor

from common.options import PaintOptions
from engine.painting.color import finish
from engine.painting.picture import Picture, Size, fit_size, resized, resized_mask


@dataclass(frozen=True, eq=False)
class Finisher:
    """Makes pictures to show of the optimizer's state."""

    final: Size
    """Size of the finished picture."""
    canvas: Size
    """Size of the last scale: padded if `final` is very narrow."""
    content: Tensor
    """Pixels of the photograph as it is painted, at their own size."""
    alpha: Tensor | None
    """Alpha of the content, at its own size."""
    options: PaintOptions
    """Options of the job; `keep_colors` and its strength are used."""

    def picture(self, shown: Tensor) -> Picture:
        """The picture at the size of `shown` [1, 3, H, W]."""
        height, width = shown.shape[2:]
        method, strength = self.options.keep_colors, self.options.keep_colors_strength
        shown = shown.detach().float().cpu()  # where the painting leaves room for it
        if method == "luminance":
            content = resized(self.content, (height, width))[None].to(shown)
            shown = finish(shown, content, method, strength)
        pixels = shown[0]
        if self.canvas != self.final:
            height = max(1, round(height * self.final[0] / self.canvas[0]))
            width = max(1, round(width * self.final[1] / self.canvas[1]))
            pixels = pixels[:, :height, :width].contiguous()
        alpha = None if self.alpha is None else resized_mask(self.alpha, (height, width))
        return Picture(pixels.clamp(0, 1), alpha)

    def preview(self, shown: Tensor, most_px: int) -> Image.Image:
        """The picture with its longer side at most `most_px`."""
        size = (shown.shape[2], shown.shape[3])
        if max(size) > most_px:
            shown = resized(shown[0].cpu(), fit_size(size, most_px))[None]
        return self.picture(shown).to_image()
