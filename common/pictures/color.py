"""Converts a file's colors to 8-bit sRGB."""

import io
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import imagecodecs
import numpy as np
from PIL import Image, ImageCms

from common.pictures import transfer
from common.pictures.raster import CHANNELS, Calibrated, Coded, Color, Profiled, Raster, Samples
from common.pictures.tone import tone_mapped
from common.sentences import Sentence, sentence

Bytes: TypeAlias = Samples
_BAND_ROWS: Final = 128
_EXACTLY: Final = int(imagecodecs.CMS.FLAGS.NOOPTIMIZE)
"""LittleCMS otherwise interpolates in a table of the whole conversion, which is wrong by 10 to 30
levels at the edge of what sRGB can show. Only for 8-bit RGB and curves does it need no table."""
_UNUSABLE_PROFILE: Final = sentence(
    "The file's color profile cannot be used; I treated its colors as sRGB."
)
_TONE_MAPPED: Final = sentence("The file is HDR; I adapted its brightness to ordinary screens.")
_APPROXIMATE: Final = sentence(
    "The file is in CMYK without a usable color profile; its colors are approximate."
)


def to_srgb(raster: Raster) -> tuple[Bytes, tuple[Sentence, ...]]:
    """Convert to [H, W, 3 or 4], with notes on its colors."""
    colors = raster.samples[:, :, : CHANNELS[raster.model]]
    converted, notes = _converted(raster, colors)
    if not raster.has_alpha:
        return converted, notes
    alpha = to_bytes(raster.samples[:, :, -1:], raster.white)
    if bool((alpha == 255).all()):
        return converted, notes
    return np.concatenate([converted, alpha], axis=2), notes


def to_bytes(samples: Samples, white: float) -> Bytes:
    """Convert levels of 0..white to 8 bits."""
    if samples.dtype == np.uint8 and white == 255:
        return samples
    if samples.dtype.kind == "u":
        levels = np.arange(np.iinfo(samples.dtype).max + 1) * (255 / white)
        table = np.clip(levels + 0.5, 0, 255).astype(np.uint8)
        return np.asarray(table[samples])
    return np.asarray(
        np.clip(samples * np.float32(255 / white) + np.float32(0.5), 0, 255), np.uint8
    )


def _converted(raster: Raster, colors: Samples) -> tuple[Bytes, tuple[Sentence, ...]]:
    match raster.model:
        case "lab":
            return _from_lab(colors, raster.white), ()
        case "cmyk":
            return _from_cmyk(to_bytes(colors, raster.white), raster.color)
        case _:
            return _from_light(raster, colors)


def _from_light(raster: Raster, colors: Samples) -> tuple[Bytes, tuple[Sentence, ...]]:
    match raster.color:
        case Profiled(icc):
            found = _through_profile(colors, raster.white, icc)
            if found is not None:
                return found, ()
            return _gray_or_rgb(to_bytes(colors, raster.white)), (_UNUSABLE_PROFILE,)
        case Coded(primaries, code, peak_nits) if to_light := transfer.to_light(code):
            chromaticities = transfer.PRIMARIES.get(primaries, transfer.PRIMARIES[1])
            if code == 13 and primaries not in transfer.PRIMARIES:
                return _gray_or_rgb(to_bytes(colors, raster.white)), ()
            table = _Light(to_light, colors.dtype, raster.white)
            matrix = transfer.to_srgb_primaries(chromaticities)
            assert matrix is not None
            hdr = (code, peak_nits) if code in {transfer.PQ, transfer.HLG} else None
            return _bands(colors, table, matrix, hdr), ((_TONE_MAPPED,) if hdr else ())
        case Calibrated(exponent, chroma):
            matrix = transfer.to_srgb_primaries(chroma or transfer.PRIMARIES[1])
            if matrix is not None:
                table = _Light(lambda x: np.maximum(x, 0) ** exponent, colors.dtype, raster.white)
                return _bands(colors, table, matrix, None), ()
        case _:
            pass
    return _gray_or_rgb(to_bytes(colors, raster.white)), ()


class _Light:
    """A transfer function, as a lookup table for integer samples."""

    def __init__(
        self,
        to_light: Callable[[transfer.Floats], transfer.Floats],
        dtype: np.dtype[Any],
        white: float,
    ) -> None:
        self._to_light, self._white = to_light, white
        self._table: transfer.Floats | None = None
        if dtype.kind == "u":
            levels = np.arange(np.iinfo(dtype).max + 1, dtype=np.float64) / white
            self._table = to_light(np.minimum(levels, 1)).astype(np.float32)

    def __call__(self, samples: Samples) -> transfer.Floats:
        if self._table is not None:
            return np.asarray(self._table[samples])
        levels = np.clip(samples.astype(np.float32) / self._white, 0, 1)
        return np.asarray(self._to_light(levels), np.float32)


def _bands(
    colors: Samples,
    to_light: _Light,
    matrix: transfer.Floats,
    hdr: tuple[int, float | None] | None,
) -> Bytes:
    """Convert in bands of rows, since linear light takes four bytes per sample."""
    out = np.empty((*colors.shape[:2], 3), np.uint8)
    for top in range(0, len(colors), _BAND_ROWS):
        light = to_light(colors[top : top + _BAND_ROWS])
        light = np.broadcast_to(light, (*light.shape[:2], 3))
        if hdr is not None:
            if hdr[0] == transfer.HLG:
                light = transfer.hlg_display(light)
            light = tone_mapped(light, hdr[1])
        out[top : top + _BAND_ROWS] = transfer.encoded(light @ matrix.T)
    return out


def _through_profile(colors: Samples, white: float, icc: bytes) -> Bytes | None:
    """Apply an ICC profile of RGB or gray; None if it is damaged or of another color space.

    Gray pictures may have an RGB profile, which Chromium applies to them.
    """
    space = space_of(icc)
    if space == "RGB" and colors.shape[2] == 1:
        colors = np.repeat(colors, 3, axis=2)
    if space != {1: "GRAY", 3: "RGB"}[colors.shape[2]]:
        return None
    if colors.dtype != np.uint8:
        colors = _full_range(colors, white)
    model = "gray" if space == "GRAY" else "rgb"
    try:
        made = imagecodecs.cms_transform(
            np.ascontiguousarray(colors[:, :, 0] if model == "gray" else colors),
            icc,
            _srgb_profile(),
            colorspace=model,
            outcolorspace="rgb",
            outdtype="u1",
            flags=_EXACTLY if colors.dtype != np.uint8 or _has_table(icc) else None,
        )
    except (RuntimeError, ValueError):
        return None
    return np.asarray(made)


def _has_table(icc: bytes) -> bool:
    """Whether a profile describes its colors by a table rather than by curves and primaries."""
    tags = int.from_bytes(icc[128:132], "big")
    return b"A2B0" in (icc[at : at + 4] for at in range(132, min(132 + 12 * tags, len(icc)), 12))


def _full_range(samples: Samples, white: float) -> Samples:
    if samples.dtype == np.uint16 and white == 65535:
        return samples
    levels = samples.astype(np.float32) * np.float32(65535 / white)
    return np.asarray(np.clip(levels + np.float32(0.5), 0, 65535), np.uint16)


def space_of(icc: bytes) -> str:
    """The color space in a profile's header: `RGB`, `GRAY` or `CMYK`."""
    return icc[16:20].decode("latin-1").strip() if icc[36:40] == b"acsp" else ""


def _srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _from_cmyk(inks: Bytes, color: Color) -> tuple[Bytes, tuple[Sentence, ...]]:
    if isinstance(color, Profiled) and space_of(color.icc) == "CMYK":
        try:
            made = ImageCms.profileToProfile(
                Image.fromarray(np.ascontiguousarray(inks), "CMYK"),
                ImageCms.ImageCmsProfile(io.BytesIO(color.icc)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGB",
                flags=ImageCms.Flags.NOOPTIMIZE,
            )
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass
        else:
            assert made is not None
            return np.asarray(made), ()
    rgb = Image.fromarray(np.ascontiguousarray(inks), "CMYK").convert("RGB")
    return np.asarray(rgb), (_APPROXIMATE,)


def _from_lab(colors: Samples, white: float) -> Bytes:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB", 5000)).tobytes()
    out = np.empty(colors.shape, np.uint8)
    steps = (white + 1) / 256  # to a unit of a and b; an L of 100 is white
    for top in range(0, len(colors), _BAND_ROWS):
        lab = colors[top : top + _BAND_ROWS].astype(np.float32)
        lab[..., 0] *= 100 / white
        lab[..., 1:] = lab[..., 1:] / steps - 128
        out[top : top + _BAND_ROWS] = imagecodecs.cms_transform(
            lab, profile, _srgb_profile(), colorspace="lab", outcolorspace="rgb", outdtype="u1"
        )
    return out


def _gray_or_rgb(levels: Bytes) -> Bytes:
    return np.repeat(levels, 3, axis=2) if levels.shape[2] == 1 else levels
