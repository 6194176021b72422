"""AVIF, HEIC and WebP: depths, code points, turns."""

import io
from functools import partial
from typing import Any, Final, TypeAlias

import imagecodecs
import numpy as np
import pillow_heif
from PIL import Image

from tools.picture_files.case import (
    Array,
    Case,
    image,
    patches,
    ramps,
    saved,
    shown,
    with_alpha,
)
from tools.picture_files.exifs import exif_with, orientation, turned
from tools.picture_files.pngs import HDR, LINEAR, P3, PQ_SAMPLES, TONE_MAPPED, grays
from tools.picture_files.profiles import rgb_profile

_webp = partial(Case, "WebP", mime="image/webp")
_avif = partial(Case, "AVIF", mime="image/avif")
_heic = partial(Case, "HEIC", mean=3)
_Said: TypeAlias = tuple[str, tuple[int, int, int], Array, Array, dict[str, Any]]
_COLORS: Final[list[_Said]] = [
    ("sRGB", (1, 13, 6), patches() / 255, patches(), {}),
    ("Display P3", (12, 13, 6), patches() / 255, patches(P3), {}),
    ("linear", (1, 8, 6), patches() / 255, patches(LINEAR), {}),
    ("BT.2020 PQ", (9, 16, 9), grays(PQ_SAMPLES), grays(TONE_MAPPED), HDR),
]
"""Code points, samples in 0..1, and the expected picture."""
_OF_AVIF: Final[list[_Said]] = [
    ("identity matrix", (1, 13, 0), patches() / 255, patches(), {}),
    ("BT.709", (1, 1, 1), patches() / 255, patches(), {}),
]


def _webps() -> list[Case]:
    colors, clear = image(ramps()), image(with_alpha(ramps()))
    flat, profile = image(patches() / 255), rgb_profile(1.0)
    lossless = partial(saved, file_format="WEBP", lossless=True)
    exif = exif_with(orientation(6))
    return [
        _webp("RGB without loss", partial(lossless, colors), shown(ramps())),
        _webp(
            "RGB with loss",
            partial(saved, colors, "WEBP", quality=98),
            shown(ramps()),
            mean=3,
            chromium_mean=3,
            why="the halved color is spread in another way",
        ),
        _webp("alpha", partial(lossless, clear), shown(with_alpha(ramps()))),
        _webp("linear profile", partial(lossless, flat, icc_profile=profile), patches(LINEAR)),
        _webp(
            "Exif with orientation 6, which Chromium ignores",
            partial(lossless, colors, exif=exif),
            shown(ramps()),
        ),
    ]


def _encoded_avif(levels: Array, codes: tuple[int, int, int], bits: int) -> bytes:
    return bytes(
        imagecodecs.avif_encode(
            np.rint(levels * (2**bits - 1)).astype("u1" if bits == 8 else "u2"),
            level=98,
            bitspersample=bits,
            pixelformat="yuv444",
            primaries=codes[0],
            transfer=codes[1],
            matrix=codes[2],
        )
    )


def _avifs() -> list[Case]:
    found = [
        _avif(
            f"{bits}-bit RGB, nclx {words}",
            partial(_encoded_avif, levels, codes, bits),
            right,
            mean=3,
            **more,
        )
        for bits in (8, 10, 12)
        for words, codes, levels, right, more in (_COLORS[0], *_OF_AVIF, *_COLORS[1:])
    ]
    whole, clear = image(ramps()), image(with_alpha(ramps()))
    for value in (3, 6, 7):
        exif = Image.Exif()
        exif[0x0112] = value
        found.append(
            _avif(
                f"turned and mirrored as orientation {value}",
                # As bytes: Pillow takes the orientation out of an Exif object that it saves.
                partial(saved, whole, "AVIF", quality=95, exif=exif.tobytes()),
                turned(shown(ramps()), value),
                mean=2,
            )
        )
    flat = partial(saved, image(patches() / 255), "AVIF", quality=98, subsampling="4:4:4")
    return [
        *found,
        _avif(
            "alpha",
            partial(saved, clear, "AVIF", quality=95),
            shown(with_alpha(ramps())),
            mean=2,
            chromium_mean=10,
            why="Chromium takes alpha for one of narrow range (16 to 235)",
        ),
        _avif(
            "linear profile", partial(flat, icc_profile=rgb_profile(1.0)), patches(LINEAR), mean=3
        ),
    ]


def _saved_heic(file: Any, **options: Any) -> bytes:
    out = io.BytesIO()
    file.save(out, quality=98, chroma=444, **options)
    return out.getvalue()


def _encoded_heic(levels: Array, bits: int = 8, codes: tuple[int, ...] = ()) -> bytes:
    mode = "RGBA" if levels.shape[2] == 4 else "RGB"
    mode += "" if bits == 8 else ";16"
    samples = np.rint(levels * (255 if bits == 8 else 65535)).astype("u1" if bits == 8 else "u2")
    height, width = levels.shape[:2]
    names = ("color_primaries", "transfer_characteristics", "matrix_coefficients")
    said = {**dict(zip(names, codes, strict=True)), "full_range_flag": 1} if codes else {}
    pillow_heif.options.SAVE_HDR_TO_12_BIT = bits == 12
    try:
        file = pillow_heif.from_bytes(mode, (width, height), samples.tobytes())
        return _saved_heic(file, **said)
    finally:
        pillow_heif.options.SAVE_HDR_TO_12_BIT = False


def _heics() -> list[Case]:
    pillow_heif.options.SAVE_NCLX_PROFILE = True
    pillow_heif.register_heif_opener()
    whole, clear = ramps((128, 96)), with_alpha(ramps((128, 96)))
    flat = partial(saved, image(patches() / 255), "HEIF", quality=98, chroma=444)
    found = [
        _heic("alpha", partial(_encoded_heic, clear), shown(clear)),
        _heic("linear profile", partial(flat, icc_profile=rgb_profile(1.0)), patches(LINEAR)),
        _heic(
            "several pictures, the second is the main one",
            partial(_several, whole),
            shown(whole),
            note="main one",
        ),
    ]
    found += [
        _heic(
            f"{bits}-bit RGB, nclx {words}",
            partial(_encoded_heic, levels, bits, codes),
            right,
            note=more.get("note", ""),
        )
        for bits in (8, 10, 12)
        for words, codes, levels, right, more in _COLORS
    ]
    return found + [
        _heic(
            f"turned and mirrored as orientation {value}",
            partial(_turned, whole, value),
            turned(shown(whole), value),
        )
        for value in (2, 3, 5, 6, 7)
    ]


def _turned(levels: Array, value: int) -> bytes:
    file = pillow_heif.from_pillow(image(levels))
    file[0].info["exif"] = b"Exif\0\0" + exif_with(orientation(value))
    return _saved_heic(file)


def _several(main: Array) -> bytes:
    file = pillow_heif.from_pillow(Image.new("RGB", (64, 64), "red"))
    file.add_from_pillow(image(main))
    return _saved_heic(file, primary_index=1)


CASES: Final = (*_webps(), *_avifs(), *_heics())
