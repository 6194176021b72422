"""Reduces pictures in their original sample type, a few rows at a time to save memory."""

from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from common.pictures.raster import Raster, Samples

_BAND_ROWS = 32  # few enough to fit the processor's cache


class Reducer:
    """Averages blocks of pixels as they come, in any order and of any shape.

    Args:
        shape: Height, width and channels of the whole picture, with alpha as the last one.
        factor: By which each side is divided, rounded up.
        dtype: Type of the samples and of the result.
        alpha_white: The sample value of opaque; None if the last channel is not alpha.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        factor: int,
        dtype: np.dtype[Any],
        alpha_white: float | None,
    ) -> None:
        height, width, channels = shape
        small = (-(-height // factor), -(-width // factor), channels)
        whole = dtype.kind == "u" and alpha_white is None
        self._sums: Samples = np.zeros(small, np.uint32 if whole else np.float32)
        self._size, self._factor, self._dtype = (height, width), factor, dtype
        self._alpha_white = alpha_white

    def add(self, top: int, left: int, block: Samples, channel: int | None = None) -> None:
        """Add a block [h, w, C], or [h, w, 1] of one channel, at this position."""
        height, width = self._size
        block = block[: max(0, height - top), : max(0, width - left)]
        if not block.size:
            return
        if self._alpha_white is not None and channel is None:
            block = _weighted(block, self._alpha_white)
        sums = self._sums if channel is None else self._sums[..., channel : channel + 1]
        factor, channels = self._factor, block.shape[2]
        # Whole rows first, then every `factor`-th value of a channel, as long loops are faster.
        flat = np.ascontiguousarray(block).reshape(block.shape[0], -1)
        first = top // factor
        rows = np.zeros(((top + len(flat) - 1) // factor - first + 1, flat.shape[1]), sums.dtype)
        for y in range(min(factor, len(flat))):
            part = flat[y::factor]
            start = (top + y) // factor - first
            rows[start : start + len(part)] += part
        for x in range(min(factor, block.shape[1])):
            start = (left + x) // factor
            for each in range(channels):
                part = rows[:, x * channels + each :: factor * channels]
                sums[first : first + len(rows), start : start + part.shape[1], each] += part

    def result(self) -> Samples:
        """The averages, [H, W, C]."""
        height, width = self._size
        rows = np.minimum(self._factor, height - np.arange(self._sums.shape[0]) * self._factor)
        columns = np.minimum(self._factor, width - np.arange(self._sums.shape[1]) * self._factor)
        out = np.empty(self._sums.shape, self._dtype)
        for top in range(0, len(out), _BAND_ROWS):
            band = slice(top, top + _BAND_ROWS)
            counts = (rows[band, None] * columns[None]).astype(np.float32)[..., None]
            means = self._sums[band].astype(np.float32) / counts
            if self._alpha_white is not None:
                share = np.maximum(means[..., -1] / self._alpha_white, 1e-6)
                for each in range(means.shape[2] - 1):
                    means[..., each] = np.clip(means[..., each] / share, 0, self._clip())
            out[band] = means if self._dtype.kind == "f" else np.rint(means)
        return out

    def _clip(self) -> float:
        return np.inf if self._dtype.kind == "f" else float(np.iinfo(self._dtype).max)


def _weighted(block: Samples, alpha_white: float) -> Samples:
    """Colors premultiplied by their alpha."""
    if bool((block[..., -1] == alpha_white).all()):
        return block
    weighted = np.empty(block.shape, np.float32)
    alpha = block[..., -1] * np.float32(1 / alpha_white)
    for each in range(block.shape[2] - 1):
        np.multiply(block[..., each], alpha, out=weighted[..., each])
    weighted[..., -1] = block[..., -1]
    return weighted


def reduction(size: tuple[int, int], max_side_px: int) -> int:
    """The largest integer factor that keeps the longest side at least this long."""
    return max(1, max(size) // max_side_px)


def boxed(raster: Raster, max_side_px: int) -> Raster:
    """The raster averaged by an integer factor, with its longest side still at least this long."""
    samples = raster.samples
    height, width, channels = samples.shape
    factor = reduction((height, width), max_side_px)
    if factor == 1:
        return raster
    out = np.empty((-(-height // factor), -(-width // factor), channels), samples.dtype)
    rows = max(1, _BAND_ROWS // factor) * factor
    for top in range(0, height, rows):
        band = samples[top : top + rows]
        reducer = Reducer(
            (len(band), width, channels),
            factor,
            samples.dtype,
            alpha_white=raster.white if raster.has_alpha else None,
        )
        reducer.add(0, 0, band)
        small = reducer.result()
        out[top // factor : top // factor + len(small)] = small
    return replace(raster, samples=out)


def resized(raster: Raster, max_side_px: int) -> Raster:
    """The raster resized to at most this longest side; call `boxed` first, for speed."""
    height, width = raster.samples.shape[:2]
    if max(height, width) <= max_side_px:
        return raster
    scale = max_side_px / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    white = raster.white if raster.has_alpha else None
    return replace(raster, samples=_resized(raster.samples, size, white))


def _resized(samples: Samples, size: tuple[int, int], alpha_white: float | None) -> Samples:
    """Resize [H, W, C] with Lanczos' filter; colors are weighted by alpha."""
    channels = samples.shape[2]
    out = np.empty((size[1], size[0], channels), samples.dtype)
    if alpha_white is None or bool((samples[..., -1] == alpha_white).all()):
        for each in range(channels):
            out[..., each] = _plane(samples[..., each], size)
        return out
    whole = samples.dtype.kind == "u"
    top = np.iinfo(samples.dtype).max if whole else np.inf
    alpha = samples[..., -1].astype(np.float32) / np.float32(alpha_white)
    small_alpha = np.clip(_plane(alpha, size), 0, 1)
    share = np.maximum(small_alpha, 1e-6)
    for each in range(channels - 1):
        small = np.clip(_plane(samples[..., each] * alpha, size) / share, 0, top)
        out[..., each] = np.rint(small) if whole else small
    last = small_alpha * np.float32(alpha_white)
    out[..., -1] = np.rint(last) if whole else last
    return out


def _plane(plane: Samples, size: tuple[int, int]) -> Samples:
    image = Image.fromarray(np.ascontiguousarray(plane))
    return np.asarray(image.resize(size, Image.Resampling.LANCZOS))
