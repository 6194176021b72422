"""Pictures of more than 8 bits."""

import numpy as np
from PIL import Image


def to_eight_bits(image: Image.Image) -> Image.Image:
    """Scale 16-bit, 32-bit and floating-point grey to 8 bits; Pillow alone would clip them."""
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
