"""Picture files: PNG, JPEG, WebP and 16-bit TIFF, in sRGB and without other metadata."""

import io
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from common.pictures.white import on_white
from engine.output.atomic import write_bytes
from engine.output.errors import check_target
from engine.painting.picture import Picture

_QUALITY = 95
_PROFILE_DATE = slice(24, 36)
_PROFILE_DAY = bytes.fromhex("07e8 0001 0001 0000 0000 0000")  # 2024-01-01, midnight


def write_picture(picture: Picture, path: Path) -> None:
    """Write the picture atomically, in the format of the suffix.

    JPEG has no alpha channel; there the picture is on white.

    Raises:
        OutputError: unknown suffix, or the file cannot be written.
    """
    check_target(path, PICTURE_SUFFIXES)
    write_bytes(path, encode_picture(picture, path.suffix))


def encode_picture(picture: Picture, suffix: str) -> bytes:
    """The file's bytes, which depend on the picture alone.

    Raises:
        KeyError: the suffix is not in `PICTURE_SUFFIXES`.
    """
    return _ENCODERS[suffix.lower()](picture)


@cache
def srgb_profile() -> bytes:
    """An ICC profile of sRGB, with a fixed date instead of the present time."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[_PROFILE_DATE] = _PROFILE_DAY
    return bytes(profile)


def _jpeg(picture: Picture) -> bytes:
    image = on_white(picture.to_image())
    # Subsampling 0 is 4:4:4: brush strokes differ in colour from one pixel to the next.
    return _saved(image, "JPEG", quality=_QUALITY, subsampling=0, optimize=True)


def _tiff(picture: Picture) -> bytes:
    import tifffile  # noqa: PLC0415 (slow to import, and few pictures need it)

    planes = picture.pixels.detach().cpu().permute(1, 2, 0).numpy()
    if picture.alpha is not None:
        alpha = picture.alpha.detach().cpu().numpy()[..., None]
        planes = np.concatenate((planes, alpha), axis=2)
    levels: NDArray[np.uint16] = np.rint(planes.clip(0, 1) * 65535.0).astype(np.uint16)
    target = io.BytesIO()
    tifffile.imwrite(
        target,
        levels,
        photometric="rgb",
        extrasamples=("unassalpha",) if picture.alpha is not None else None,
        compression="zlib",
        iccprofile=srgb_profile(),
        metadata=None,
        software=False,
    )
    return target.getvalue()


def _saved(image: Image.Image, file_format: str, **options: Any) -> bytes:
    target = io.BytesIO()
    image.save(target, file_format, icc_profile=srgb_profile(), **options)
    return target.getvalue()


_ENCODERS: Mapping[str, Callable[[Picture], bytes]] = {
    ".png": lambda picture: _saved(picture.to_image(), "PNG"),
    ".jpg": _jpeg,
    ".jpeg": _jpeg,
    # Lossless, as lossy WebP has only 4:2:0 chroma subsampling.
    ".webp": lambda picture: _saved(picture.to_image(), "WEBP", lossless=True, method=4),
    ".tif": _tiff,
    ".tiff": _tiff,
}
PICTURE_SUFFIXES = tuple(_ENCODERS)
