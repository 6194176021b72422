"""Pictures for the judge: read, sized and brought to tensors."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from common.pictures.white import on_white

Picture = Path | Image.Image | Tensor
"""A file, a PIL image, or a tensor [1, 3, H, W] of sRGB in 0..1."""


def as_image(picture: Picture) -> Image.Image:
    """The picture upright as 8-bit RGB; alpha is laid over white.

    Raises:
        OSError: The file is absent or holds no picture.
        ValueError: The tensor is not [1, 3, H, W].
    """
    match picture:
        case Path():
            with Image.open(picture) as opened:
                return on_white(ImageOps.exif_transpose(opened))
        case Tensor():
            if picture.ndim != 4 or picture.shape[:2] != (1, 3):
                raise ValueError(f"a picture is [1, 3, H, W], not {list(picture.shape)}")
            array = picture[0].detach().float().clamp(0, 1).mul(255).round().byte()
            return Image.fromarray(array.permute(1, 2, 0).cpu().contiguous().numpy())
        case _:
            return on_white(ImageOps.exif_transpose(picture))


def as_tensor(image: Image.Image, device: torch.device) -> Tensor:
    """[1, 3, H, W], sRGB in 0..1."""
    array = torch.from_numpy(np.array(image))
    return array.permute(2, 0, 1)[None].to(device).float().div(255)


def fit_longest(image: Image.Image, longest_px: float) -> Image.Image:
    """The image with this longest side, its aspect ratio kept; it is only made smaller."""
    factor = longest_px / max(image.size)
    if factor >= 1:
        return image
    size = tuple(max(1, round(side * factor)) for side in image.size)
    return image.resize((size[0], size[1]), Image.Resampling.LANCZOS)
