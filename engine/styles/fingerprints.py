"""Fingerprints: a picture's statistics at several sizes, used in place of the picture."""

from collections.abc import Sequence
from pathlib import Path

from engine.networks.encoder import Encoder
from engine.painting.calm import calm_parts
from engine.painting.color import color_moments
from engine.painting.measuring import measure_style
from engine.painting.picture import Picture, fit_size, padded, resized, resized_mask
from engine.painting.plan import LEAST_SIDE_PX
from engine.painting.statistics import StatisticsKey, StyleStatistics
from engine.styles.packing import unpack, with_sizes_between

SIZES_PX = (128, 181, 256, 362, 512, 724, 1024)
"""Longer sides at which a fingerprint is measured; a picture is never enlarged for it."""


class FingerprintError(Exception):
    """A file is no fingerprint; the text says so."""


def measure_fingerprint(
    encoder: Encoder,
    picture: Picture,
    layers: Sequence[str],
    *,
    calm: bool = False,
) -> list[StyleStatistics]:
    """Statistics of a picture at all sizes up to its own, small ones first.

    If `calm`, including those of its calm parts.
    """
    largest = max(picture.size)
    wanted = sorted({min(size, largest) for size in SIZES_PX})
    return [_measured(encoder, picture, layers, size, calm=calm) for size in wanted]


def _measured(
    encoder: Encoder, picture: Picture, layers: Sequence[str], long_side_px: int, *, calm: bool
) -> StyleStatistics:
    filled = picture.filled()
    size = fit_size(picture.size, long_side_px)
    pixels = padded(resized(filled.pixels, size), LEAST_SIDE_PX)
    alpha = None
    if filled.alpha is not None:
        alpha = padded(resized_mask(filled.alpha, size), LEAST_SIDE_PX)
    key = StatisticsKey.of(encoder, picture.hash, (pixels.shape[1], pixels.shape[2]))
    quiet = padded(resized_mask(calm_parts(filled.pixels), size), LEAST_SIDE_PX) if calm else None
    layers_found = measure_style(encoder, pixels, layers, alpha=alpha, calm=quiet)
    return StyleStatistics(key, layers_found, color_moments(filled.pixels[None]))


def load_fingerprint(path: Path) -> tuple[StyleStatistics, ...]:
    """Read a fingerprint's file, adding interpolated statistics between its sizes.

    Raises:
        FingerprintError: no fingerprint, or unreadable.
    """
    try:
        return tuple(with_sizes_between(unpack(path.read_bytes())))
    except OSError as error:
        raise FingerprintError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise FingerprintError(f"{path.name} is not a fingerprint: {error}") from error
