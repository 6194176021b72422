"""JPEG: layouts, profiles, and metadata."""

import struct
from functools import partial
from typing import Any, Final

import numpy as np
from PIL import Image

from tools.picture_files.case import (
    Array,
    Case,
    RefusedFile,
    gray_of_lightness,
    gray_ramp,
    image,
    patches,
    ramps,
    saved,
    shown,
)
from tools.picture_files.exifs import EXIFS, exif_with, orientation, turned
from tools.picture_files.pngs import LINEAR, grays
from tools.picture_files.profiles import cmyk_profile, gray_profile, lab_profile, rgb_profile

_case = partial(Case, "JPEG", mime="image/jpeg")
_LAST_ROW: Final = "Chromium leaves out the last row of blocks"
_FOLDED: Final = "Chromium adds black to the other inks before it applies the profile"


def _photo() -> Array:
    """The ramps in 128 × 96."""
    return ramps((128, 96))


def jpeg(levels: Array, **options: Any) -> bytes:
    """A JPEG without much loss."""
    return saved(image(levels), "JPEG", **{"quality": 98, "subsampling": 0, **options})


def _app1(body: bytes) -> bytes:
    """A segment of Exif or XMP."""
    return b"\xff\xe1" + struct.pack(">H", 2 + len(body)) + body


def _behind_start(file: bytes, *segments: bytes) -> bytes:
    return file[:2] + b"".join(segments) + file[2:]


def _cmyk() -> Array:
    """CMYK inks in 0..255, with black at most a third."""
    colors = 1 - ramps()
    return np.concatenate([colors * 255, np.full((*colors.shape[:2], 1), 60.0)], axis=2)


def _cmyk_image() -> Image.Image:
    return Image.fromarray(np.rint(_cmyk()).astype(np.uint8), "CMYK")


def _ink_free() -> Array:
    """The same inks as light, without a profile: each ink transmits what it does not absorb."""
    inks = np.rint(_cmyk()) / 255
    return shown((1 - inks[..., :3]) * (1 - inks[..., 3:]))


def _cmyk_profiled() -> tuple[Array, Array]:
    """Inks of eight squares, and what the profile of `profiles.cmyk_profile` makes of them."""
    inks = np.zeros((8, 4), np.uint8)
    inks[1:4, 0], inks[4:, 3] = (85, 170, 255), (0, 85, 170, 255)
    lightness = 100 - inks[:, 0] / 255 * 20 - inks[:, 3] / 255 * 40
    return patches(inks), grays(gray_of_lightness(lightness))


def _jpegs() -> list[Case]:
    right = shown(_photo())
    whole = jpeg(_photo())
    xmp = (
        b'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf='
        b'"http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:tiff='
        b'"http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
    )
    gray = np.full((32, 48, 1), 128 / 255)
    inks, through = _cmyk_profiled()
    black, free = partial(saved, _cmyk_image(), "JPEG", quality=98), _ink_free()
    inked = partial(saved, Image.fromarray(inks, "CMYK"), "JPEG", quality=98)
    linear, lit = rgb_profile(1.0), np.full((32, 48, 1), 188.0)
    found = [
        _case("YCbCr 4:4:4", lambda: whole, right),
        _case("YCbCr 4:2:0", partial(jpeg, _photo(), subsampling=2), right, mean=2),
        _case("progressive", partial(jpeg, _photo(), progressive=True), right),
        _case("RGB", partial(jpeg, _photo(), keep_rgb=True), right),
        _case("gray", partial(jpeg, gray_ramp()), shown(gray_ramp())),
        _case("CMYK without a profile", black, free, mean=2, note="CMYK"),
        _case(
            "CMYK with a profile",
            partial(inked, icc_profile=cmyk_profile()),
            through,
            mean=2,
            chromium_mean=60,
            why=_FOLDED,
        ),
        _case(
            "CMYK with a profile of RGB",
            partial(black, icc_profile=linear),
            free,
            mean=2,
            note="CMYK",
        ),
        _case(
            "linear profile",
            partial(jpeg, patches() / 255, icc_profile=linear),
            patches(LINEAR),
            mean=2,
        ),
        _case(
            "profile of Lab",
            partial(jpeg, _photo(), icc_profile=lab_profile()),
            right,
            note="profile cannot be used",
            chromium_mean=255,
            why="Chromium takes the numbers of RGB for those of Lab",
        ),
        _case(
            "gray with a profile of linear gray",
            partial(jpeg, gray, icc_profile=gray_profile()),
            lit,
        ),
        _case("gray with a profile of linear RGB", partial(jpeg, gray, icc_profile=linear), lit),
        _case("XMP orientation 6, ignored", partial(_behind_start, whole, _app1(xmp)), right),
        _case(
            "two Exif blocks, of which the first counts",
            partial(_behind_start, whole, _exif(orientation(6)), _exif(orientation(1))),
            turned(right, 6),
        ),
        _case(
            "a gain map and a video behind it",
            lambda: whole + jpeg(gray) + b"\0\0\0\x18ftypmp42",
            right,
        ),
        _case("without its end", lambda: whole[:-2], right, chromium_mean=25, why=_LAST_ROW),
        _case(
            "without its last 8 bytes",
            lambda: whole[:-8],
            right,
            mean=3,
            chromium_mean=25,
            why=_LAST_ROW,
        ),
        _case("half of it", lambda: whole[: len(whole) // 2], RefusedFile("damaged")),
        _case("of 12 bits", partial(_twelve_bits, whole), RefusedFile("JPEG with 12 bits")),
    ]
    return found + [
        _case(
            f"Exif with {words}",
            partial(_behind_start, whole, _exif(*entries)),
            turned(right, value),
        )
        for words, entries, value in EXIFS
    ]


def _exif(*entries: tuple[int, int, int, bytes]) -> bytes:
    return _app1(b"Exif\0\0" + exif_with(*entries))


def _twelve_bits(file: bytes) -> bytes:
    at = file.index(b"\xff\xc0")
    return file[: at + 4] + b"\x0c" + file[at + 5 :]


CASES: Final = tuple(_jpegs())
