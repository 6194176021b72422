"""Transfer functions from samples to linear light, and conversion of primaries to sRGB.

Light is relative to paper white, which BT.2408 puts at 203 cd/m² for PQ and 75 % for HLG. Code
points are those of ITU-T H.273.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from common.pictures.raster import Primaries

Floats: TypeAlias = NDArray[Any]
"""Mostly float32; float64 in tables."""

PAPER_WHITE_NITS: Final = 203.0
HLG_PEAK_NITS: Final = 1000.0
PQ, HLG = 16, 18

_D65 = (0.3127, 0.3290)
_SRGB: Final[Primaries] = (*_D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
BT2020: Final[Primaries] = (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046)
PRIMARIES: Final[dict[int, Primaries]] = {
    1: _SRGB,
    4: (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    9: BT2020,
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}


def to_light(transfer: int) -> Callable[[Floats], Floats] | None:
    """The transfer function of a code point, on samples of 0 to 1; None if unknown.

    For HLG it gives scene light: see `hlg_display`.
    """
    return _TO_LIGHT.get(transfer)


def _srgb(x: Floats) -> Floats:
    return np.where(x <= 0.04045, x / 12.92, ((np.maximum(x, 0.04045) + 0.055) / 1.055) ** 2.4)


def _pq(x: Floats) -> Floats:
    """SMPTE ST 2084, whose 1 is 10,000 cd/m²."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = np.maximum(x, 0) ** (1 / m2)
    nits = 10_000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)
    return nits / PAPER_WHITE_NITS


def _hlg(x: Floats) -> Floats:
    """The inverse OETF of BT.2100 table 5."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(x <= 0.5, x * x / 3, (np.exp((np.maximum(x, 0.5) - c) / a) + b) / 12)


def hlg_display(scene: Floats) -> Floats:
    """The OOTF of BT.2100 for a display of 1,000 cd/m², whose system gamma is 1.2."""
    luminance = scene @ np.array([0.2627, 0.6780, 0.0593], np.float32)
    gain = np.maximum(luminance, 1e-6) ** 0.2 * (HLG_PEAK_NITS / PAPER_WHITE_NITS)
    display: Floats = scene * gain[..., None]
    return display


def _gamma(exponent: float) -> Callable[[Floats], Floats]:
    return lambda x: np.maximum(x, 0) ** exponent


# Video's transfer functions (1, 6, 14, 15) describe cameras; displays follow BT.1886.
_TO_LIGHT: Final[dict[int, Callable[[Floats], Floats]]] = {
    1: _gamma(2.4),
    4: _gamma(2.2),
    5: _gamma(2.8),
    6: _gamma(2.4),
    8: _gamma(1.0),
    13: _srgb,
    14: _gamma(2.4),
    15: _gamma(2.4),
    PQ: _pq,
    HLG: _hlg,
}


def to_srgb_primaries(primaries: Primaries) -> Floats | None:
    """The matrix [3, 3] from these primaries to sRGB; None if they are degenerate."""
    try:
        matrix = np.linalg.solve(_to_d65(_SRGB), _to_d65(primaries))
    except np.linalg.LinAlgError:
        return None
    return matrix.astype(np.float32) if bool(np.isfinite(matrix).all()) else None


def _to_d65(primaries: Primaries) -> NDArray[np.float64]:
    """The matrix from RGB to XYZ with white D65, by Bradford's adaptation."""
    points = np.array(primaries, np.float64).reshape(4, 2)
    if (points[:, 1] <= 0).any():
        raise np.linalg.LinAlgError
    xyz = np.stack([points[:, 0], points[:, 1], 1 - points.sum(1)]) / points[:, 1]
    white, corners = xyz[:, 0], xyz[:, 1:]
    if abs(np.linalg.det(corners)) < 1e-4:
        raise np.linalg.LinAlgError
    matrix = corners * np.linalg.solve(corners, white)
    bradford = np.array(
        [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
    )
    d65 = np.array([_D65[0] / _D65[1], 1.0, (1 - sum(_D65)) / _D65[1]])
    gains = (bradford @ d65) / (bradford @ white)
    adapted: NDArray[np.float64] = np.linalg.solve(bradford, gains[:, None] * (bradford @ matrix))
    return adapted


def encoded(light: Floats) -> NDArray[Any]:
    """Encode linear light as 8-bit sRGB, clipped to 0..1."""
    index = (np.clip(light, 0, 1) * (_ENCODED.size - 1) + 0.5).astype(np.uint16)
    levels: NDArray[Any] = _ENCODED[index]
    return levels


def _encoding() -> NDArray[Any]:
    x = np.linspace(0, 1, 65536)
    levels = np.where(x <= 0.0031308, x * 12.92, 1.055 * x ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(levels * 255), np.uint8)


_ENCODED: Final = _encoding()
