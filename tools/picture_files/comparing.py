"""The visible difference between two pictures."""

import numpy as np

from tools.picture_files.case import Array


def difference(one: Array, other: Array) -> float:
    """The worst channel's mean difference, of 255, weighted by alpha; infinite if shapes differ."""
    first, second = _four(one), _four(other)
    if first.shape != second.shape:
        return float("inf")
    seen = np.minimum(first[..., 3:], second[..., 3:]) / 255
    colors = np.abs(first[..., :3] - second[..., :3]) * seen
    alpha = np.abs(first[..., 3:] - second[..., 3:])
    return float(np.concatenate([colors, alpha], axis=2).mean(axis=(0, 1)).max())


def _four(picture: Array) -> Array:
    """[H, W, 4] in 0..255 of gray, RGB or RGBA, in which gray may have an alpha."""
    picture = np.asarray(picture, np.float64)
    if picture.ndim == 2:
        picture = picture[..., None]
    channels = picture.shape[2]
    colors = picture[..., : 1 if channels <= 2 else 3]
    alpha = picture[..., -1:] if channels in {2, 4} else np.full((*picture.shape[:2], 1), 255.0)
    return np.concatenate([np.broadcast_to(colors, (*colors.shape[:2], 3)), alpha], axis=2)
