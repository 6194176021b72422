"""Pictures as tensors: sizes, resampling, conversion from and to Pillow."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own manual uses)
from PIL import Image, ImageOps
from torch import Tensor

_FULLY = 8.0
"""From an eighth of opacity on, a pixel keeps its own color."""
Size = tuple[int, int]
"""Height and width in pixels, in the order of tensors."""


@dataclass(frozen=True, eq=False)
class Picture:
    """An sRGB picture: `pixels` [3, H, W] float32 in 0..1, `alpha` [H, W] likewise or None."""

    pixels: Tensor
    alpha: Tensor | None = None

    @property
    def size(self) -> Size:
        """Height and width in pixels."""
        return self.pixels.shape[1], self.pixels.shape[2]

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the pixels in 8 bits, for keys of caches and checkpoints."""
        levels = (self.pixels * 255).round().to(torch.uint8).contiguous()
        digest = hashlib.sha256(repr(self.size).encode() + levels.numpy().tobytes())
        if self.alpha is not None:
            digest.update((self.alpha * 255).round().to(torch.uint8).contiguous().numpy().tobytes())
        return digest.hexdigest()

    @classmethod
    def from_image(cls, image: Image.Image) -> "Picture":
        """From an sRGB image of Pillow, rotated as its EXIF says and converted to 8-bit RGB."""
        image = _in_eight_bits(ImageOps.exif_transpose(image))
        alpha = None
        if "A" in image.getbands() or "transparency" in image.info:
            image = image.convert("RGBA")
            alpha = _levels(image.getchannel("A"))
            if bool((alpha == 1).all()):
                alpha = None
        return cls(_levels(image.convert("RGB")).permute(2, 0, 1).contiguous(), alpha)

    def filled(self) -> "Picture":
        """The same with colors of nearly transparent pixels taken from visible neighbors.

        Programs leave arbitrary colors there, mostly black, which would show in resampling and
        painting.
        """
        if self.alpha is None:
            return self
        return Picture(filled(self.pixels, (self.alpha * _FULLY).clamp(max=1)), self.alpha)

    def to_image(self) -> Image.Image:
        """8-bit image of Pillow, RGBA where there is an alpha."""
        levels = (self.pixels.clamp(0, 1) * 255).round().to(torch.uint8)
        image = Image.fromarray(levels.permute(1, 2, 0).contiguous().cpu().numpy())
        if self.alpha is not None:
            alpha = (self.alpha.clamp(0, 1) * 255).round().to(torch.uint8)
            image.putalpha(Image.fromarray(alpha.cpu().numpy()))
        return image


def mask_from_image(image: Image.Image) -> Tensor:
    """A mask [H, W] in 0..1: the brightness of an image times its alpha.

    If that is black throughout, as for black strokes on a transparent ground, the alpha is the
    mask.
    """
    image = _in_eight_bits(ImageOps.exif_transpose(image))
    if not image.has_transparency_data:
        return _levels(image.convert("L"))
    image = image.convert("RGBA")
    alpha, mask = _levels(image.getchannel("A")), _levels(image.convert("L"))
    mask = mask * alpha
    return alpha if not bool(mask.any()) and bool((alpha < 1).any()) else mask


def filled(pixels: Tensor, weight: Tensor) -> Tensor:
    """Fill pixels [C, H, W] of low weight [H, W] from their surroundings (pull-push).

    Surroundings are weighted averages over areas as large as necessary, from an image pyramid.
    """
    if not bool(weight.any()):
        return pixels
    known, shares = (pixels * weight)[None], weight[None, None]
    levels = [(known, shares)]
    while max(shares.shape[-2:]) > 1:
        known, shares = (
            F.avg_pool2d(one, 2, ceil_mode=True, count_include_pad=False) for one in levels[-1]
        )
        levels.append((known, shares))
    tiny = torch.finfo(pixels.dtype).tiny
    found = levels[-1][0] / levels[-1][1]
    for known, shares in reversed(levels[:-1]):
        around = F.interpolate(found, known.shape[-2:], mode="bilinear", align_corners=False)
        own = torch.where(shares > 0, known / shares.clamp(min=tiny), around)
        found = torch.lerp(around, own, shares)
    return found[0].clamp(0, 1)


def fit_size(size: Size, long_side_px: int) -> Size:
    """The size of the same aspect with this longer side; no side below one pixel."""
    height, width = size
    if height > width:
        return long_side_px, max(1, round(long_side_px * width / height))
    return max(1, round(long_side_px * height / width)), long_side_px


def resized(pixels: Tensor, size: Size) -> Tensor:
    """Resize [C, H, W] with an antialiased bicubic filter, clamped to 0..1."""
    if tuple(pixels.shape[-2:]) == size:
        return pixels
    scaled = F.interpolate(
        pixels[None], size=size, mode="bicubic", align_corners=False, antialias=True
    )
    return scaled[0].clamp(0, 1)


def resized_mask(mask: Tensor, size: Size) -> Tensor:
    """Resize [H, W] with an antialiased bilinear filter, which does not overshoot."""
    if tuple(mask.shape) == size:
        return mask
    scaled = F.interpolate(
        mask[None, None], size=size, mode="bilinear", align_corners=False, antialias=True
    )
    return scaled[0, 0].clamp(0, 1)


def padded(pixels: Tensor, least: int) -> Tensor:
    """Pad [C, H, W] or [H, W] below and right by replication, to a least side."""
    height, width = pixels.shape[-2:]
    below, right = max(0, least - height), max(0, least - width)
    if not below and not right:
        return pixels
    shaped = pixels.reshape(1, -1, height, width)
    out = F.pad(shaped, (0, right, 0, below), mode="replicate")
    return out.reshape(*pixels.shape[:-2], height + below, width + right)


def cut(pixels: Tensor, region: tuple[float, float, float, float]) -> Tensor:
    """Crop [..., H, W] to left, top, right and bottom, relative to its sides; never empty."""
    height, width = pixels.shape[-2:]
    left, top, right, bottom = region
    x0, y0 = min(int(left * width), width - 1), min(int(top * height), height - 1)
    x1, y1 = max(x0 + 1, round(right * width)), max(y0 + 1, round(bottom * height))
    return pixels[..., y0:y1, x0:x1].contiguous()


def center_cropped(pixels: Tensor, size: Size) -> Tensor:
    """Crop [C, H, W] centrally where it is larger than the size."""
    height, width = pixels.shape[-2:]
    top, left = max(0, (height - size[0]) // 2), max(0, (width - size[1]) // 2)
    return pixels[..., top : top + size[0], left : left + size[1]].contiguous()


def mirrored(pixels: Tensor, size: Size) -> Tensor:
    """Extend [C, H, W] by reflection where it is smaller than the size."""
    for axis, wanted in ((-2, size[0]), (-1, size[1])):
        have = pixels.shape[axis]
        if have < wanted:
            places = torch.arange(wanted) - (wanted - have) // 2
            period = places % (2 * have)
            places = torch.where(period < have, period, 2 * have - 1 - period)
            pixels = pixels.index_select(axis, places)
    return pixels.contiguous()


def _in_eight_bits(image: Image.Image) -> Image.Image:
    """Scale 16-bit, 32-bit and floating-point gray to 8 bits, where Pillow would clip."""
    if not (image.mode.startswith("I") or image.mode == "F"):
        return image
    values = np.asarray(image, dtype=np.float64)
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    if image.mode == "F" and values.max(initial=0.0) <= 1.0:
        white = 1.0
    elif values.max(initial=0.0) <= 255.0 and image.mode != "I;16":
        white = 255.0
    else:
        white = max(65535.0, float(values.max(initial=0.0)))
    return Image.fromarray(np.clip(values / white * 255.0 + 0.5, 0, 255).astype(np.uint8))


def _levels(image: Image.Image) -> Tensor:
    # A copy, as Pillow's buffer cannot be written to.
    return torch.from_numpy(np.array(image)).to(torch.float32) / 255
