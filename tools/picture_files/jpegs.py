"""JPEG: layouts, profiles, and what is metadata."""

import struct
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from PIL import Image

from tools.picture_files.case import (
    Array,
    Case,
    Refused,
    gray_ramp,
    image,
    patches,
    ramps,
    saved,
    shown,
)
from tools.picture_files.pngs import (
    EXIFS,
    LINEAR,
    exif_with,
    orientation,
    turned,
)
from tools.picture_files.profiles import cmyk_profile, gray_profile, lab_profile, rgb_profile

_MIME: Final = "image/jpeg"
_LAST_ROW: Final = "Chromium leaves out the last row of blocks"
_FOLDED: Final = "Chromium adds black to the other inks before it applies the profile"


def _photo() -> Array:
    """The ramps in 128 × 96."""
    return ramps((128, 96))


def jpeg(levels: Array, **options: Any) -> bytes:
    """A JPEG without much loss."""
    return saved(image(levels), "JPEG", **{"quality": 98, "subsampling": 0, **options})


def _segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", 2 + len(body)) + body


def _behind_start(file: bytes, *segments: bytes) -> bytes:
    return file[:2] + b"".join(segments) + file[2:]


def _cmyk() -> Array:
    """Inks of 0..255, of which black is a third at most."""
    colors = 1 - ramps()
    return np.concatenate([colors * 255, np.full((*colors.shape[:2], 1), 60.0)], axis=2)


def _cmyk_image() -> Image.Image:
    return Image.fromarray(np.rint(_cmyk()).astype(np.uint8), "CMYK")


def _ink_free() -> Array:
    """The same as light, where there is no profile: each ink lets through what it does not take."""
    inks = np.rint(_cmyk()) / 255
    return shown((1 - inks[..., :3]) * (1 - inks[..., 3:]))


def _cmyk_profiled() -> tuple[Array, Array]:
    """Inks of eight squares, and what the profile of `profiles.cmyk_profile` makes of them."""
    inks = np.zeros((8, 4), np.uint8)
    inks[1:4, 0], inks[4:, 3] = (85, 170, 255), (0, 85, 170, 255)
    lightness = 100 - inks[:, 0] / 255 * 20 - inks[:, 3] / 255 * 40
    y = np.where(lightness > 8, ((lightness + 16) / 116) ** 3, lightness / 903.3)
    gray = np.where(y <= 0.0031308, y * 12.92, 1.055 * y ** (1 / 2.4) - 0.055) * 255
    return patches(inks), patches(np.repeat(gray[:, None], 3, axis=1))


def _jpegs() -> list[Case]:
    right = shown(_photo())
    whole = jpeg(_photo())
    xmp = (
        b'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf='
        b'"http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:tiff='
        b'"http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
    )
    exif6 = _segment(0xE1, b"Exif\0\0" + exif_with(orientation(6)))
    exif1 = _segment(0xE1, b"Exif\0\0" + exif_with(orientation(1)))
    gray = np.full((32, 48, 1), 128 / 255)
    inks, through = _cmyk_profiled()
    made: list[tuple[str, Callable[[], bytes], Array | Refused, dict[str, Any]]] = [
        ("YCbCr 4:4:4", lambda: whole, right, {}),
        ("YCbCr 4:2:0", lambda: jpeg(_photo(), subsampling=2), right, {"mean": 2}),
        ("progressive", lambda: jpeg(_photo(), progressive=True), right, {}),
        ("RGB", lambda: jpeg(_photo(), keep_rgb=True), right, {}),
        ("gray", lambda: jpeg(gray_ramp()), shown(gray_ramp()), {}),
        (
            "CMYK without a profile",
            lambda: saved(_cmyk_image(), "JPEG", quality=98),
            _ink_free(),
            {"mean": 2, "note": "CMYK"},
        ),
        (
            "CMYK with a profile",
            lambda: saved(
                Image.fromarray(inks, "CMYK"), "JPEG", quality=98, icc_profile=cmyk_profile()
            ),
            through,
            {"mean": 2, "chromium_mean": 60, "why": _FOLDED},
        ),
        (
            "CMYK with a profile of RGB",
            lambda: saved(_cmyk_image(), "JPEG", quality=98, icc_profile=rgb_profile(1.0)),
            _ink_free(),
            {"mean": 2, "note": "CMYK"},
        ),
        (
            "linear profile",
            lambda: jpeg(patches() / 255, icc_profile=rgb_profile(1.0)),
            patches(LINEAR),
            {"mean": 2},
        ),
        (
            "profile of Lab",
            lambda: jpeg(_photo(), icc_profile=lab_profile()),
            right,
            {
                "note": "profile cannot be used",
                "chromium_mean": 255,
                "why": "Chromium takes the numbers of RGB for those of Lab",
            },
        ),
        (
            "gray with a profile of linear gray",
            lambda: jpeg(gray, icc_profile=gray_profile(1.0)),
            np.full((32, 48, 1), 188.0),
            {},
        ),
        (
            "gray with a profile of linear RGB",
            lambda: jpeg(gray, icc_profile=rgb_profile(1.0)),
            np.full((32, 48, 1), 188.0),
            {},
        ),
        (
            "XMP orientation 6, ignored",
            lambda: _behind_start(whole, _segment(0xE1, xmp)),
            right,
            {},
        ),
        (
            "two Exif blocks, of which the first counts",
            lambda: _behind_start(whole, exif6, exif1),
            turned(right, 6),
            {},
        ),
        (
            "a gain map and a film behind it",
            lambda: whole + jpeg(gray) + b"\0\0\0\x18ftypmp42",
            right,
            {},
        ),
        ("without its end", lambda: whole[:-2], right, {"chromium_mean": 25, "why": _LAST_ROW}),
        (
            "without its last 8 bytes",
            lambda: whole[:-8],
            right,
            {"mean": 3, "chromium_mean": 25, "why": _LAST_ROW},
        ),
        ("half of it", lambda: whole[: len(whole) // 2], Refused("damaged"), {}),
        (
            "of 12 bits",
            lambda: whole.replace(_sof(whole), _twelve(_sof(whole))),
            Refused("JPEG of 12 bits"),
            {},
        ),
    ]
    found = [
        Case("JPEG", words, make, value, **{"mime": _MIME, **more})
        for words, make, value, more in made
    ]
    for words, entries, value in EXIFS:

        def make(entries: tuple[tuple[int, int, int, bytes], ...] = entries) -> bytes:
            return _behind_start(whole, _segment(0xE1, b"Exif\0\0" + exif_with(*entries)))

        found.append(Case("JPEG", f"Exif with {words}", make, turned(right, value), mime=_MIME))
    return found


def _sof(file: bytes) -> bytes:
    at = file.index(b"\xff\xc0")
    return file[at : at + 5]


def _twelve(start: bytes) -> bytes:
    return start[:4] + b"\x0c"


CASES: Final = tuple(_jpegs())
