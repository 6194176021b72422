"""AVIF, HEIC and WebP: depths, code points, turns."""

import io
from typing import Any, Final

import imagecodecs
import numpy as np
import pillow_heif
from PIL import Image

from tools.picture_files.case import (
    PATCHES,
    Array,
    Case,
    image,
    patches,
    ramps,
    saved,
    shown,
    with_alpha,
)
from tools.picture_files.pngs import (
    HDR_MEAN,
    HDR_WHY,
    LINEAR,
    P3,
    TONE_MAPPED,
    exif_with,
    orientation,
    pq,
    turned,
)
from tools.picture_files.profiles import rgb_profile

_WEBP, _AVIF = "image/webp", "image/avif"


def _webps() -> list[Case]:
    colors, clear = ramps(), with_alpha(ramps())
    exif = exif_with(orientation(6))
    return [
        Case(
            "WebP",
            "RGB without loss",
            lambda: saved(image(colors), "WEBP", lossless=True),
            shown(colors),
            mime=_WEBP,
        ),
        Case(
            "WebP",
            "RGB with loss",
            lambda: saved(image(colors), "WEBP", quality=98),
            shown(colors),
            mean=3,
            mime=_WEBP,
            chromium_mean=3,
            why="the halved color is spread in another way",
        ),
        Case(
            "WebP",
            "alpha",
            lambda: saved(image(clear), "WEBP", lossless=True),
            shown(clear),
            mime=_WEBP,
        ),
        Case(
            "WebP",
            "linear profile",
            lambda: saved(
                image(patches() / 255), "WEBP", lossless=True, icc_profile=rgb_profile(1.0)
            ),
            patches(LINEAR),
            mime=_WEBP,
        ),
        Case(
            "WebP",
            "Exif with orientation 6, which Chromium ignores",
            lambda: saved(image(colors), "WEBP", lossless=True, exif=exif),
            shown(colors),
            mime=_WEBP,
        ),
    ]


_AVIF_COLORS: Final[list[tuple[str, tuple[int, int, int], Any, dict[str, Any]]]] = [
    ("sRGB", (1, 13, 6), PATCHES, {}),
    ("identity matrix", (1, 13, 0), PATCHES, {}),
    ("BT.709", (1, 1, 1), PATCHES, {}),
    ("Display P3", (12, 13, 6), P3, {}),
    ("linear", (1, 8, 6), LINEAR, {}),
]


def _avifs() -> list[Case]:
    found = []
    gray = np.repeat(pq(np.array([0, 5, 26, 50, 100, 150, 203, 1000.0]))[:, None], 3, axis=1)
    for bits in (8, 10, 12):
        every = [
            *(
                (words, codes, patches() / 255, right, more)
                for words, codes, right, more in _AVIF_COLORS
            ),
            (
                "BT.2020 PQ",
                (9, 16, 9),
                patches(gray),
                np.repeat(np.array(TONE_MAPPED)[:, None], 3, 1),
                {"chromium_mean": HDR_MEAN, "why": HDR_WHY, "note": "HDR"},
            ),
        ]
        for words, codes, levels, right, more in every:

            def make(
                levels: Array = levels, codes: tuple[int, int, int] = codes, bits: int = bits
            ) -> bytes:
                samples = np.rint(levels * (2**bits - 1)).astype("u1" if bits == 8 else "u2")
                return bytes(
                    imagecodecs.avif_encode(
                        samples,
                        level=98,
                        bitspersample=bits,
                        pixelformat="444",
                        primaries=codes[0],
                        transfer=codes[1],
                        matrix=codes[2],
                    )
                )

            found.append(
                Case(
                    "AVIF",
                    f"{bits}-bit RGB, nclx {words}",
                    make,
                    patches(right),
                    mean=3,
                    mime=_AVIF,
                    **{"chromium_mean": 2.0, **more},
                )
            )
    whole, clear = ramps(), with_alpha(ramps())
    for value in (3, 6, 7):
        exif = Image.Exif()
        exif[0x0112] = value
        found.append(
            Case(
                "AVIF",
                f"turned and mirrored as orientation {value}",
                lambda exif=exif: saved(image(whole), "AVIF", quality=95, exif=exif),  # type: ignore[misc]
                turned(shown(whole), value),
                mean=2,
                mime=_AVIF,
            )
        )
    found += [
        Case(
            "AVIF",
            "alpha",
            lambda: saved(image(clear), "AVIF", quality=95),
            shown(clear),
            mean=2,
            mime=_AVIF,
            chromium_mean=10,
            why="Chromium takes alpha for one of narrow range (16 to 235)",
        ),
        Case(
            "AVIF",
            "linear profile",
            lambda: saved(
                image(patches() / 255),
                "AVIF",
                quality=98,
                subsampling="4:4:4",
                icc_profile=rgb_profile(1.0),
            ),
            patches(LINEAR),
            mean=3,
            mime=_AVIF,
        ),
    ]
    return found


def _heic(levels: Array, bits: int = 8, **options: Any) -> bytes:
    mode = "RGBA" if levels.shape[2] == 4 else "RGB"
    if bits == 8:
        samples = np.rint(levels * 255).astype("u1")
    else:
        samples = np.rint(levels * 65535).astype("u2")
        mode += ";16"
    height, width = levels.shape[:2]
    pillow_heif.options.SAVE_HDR_TO_12_BIT = bits == 12
    file = pillow_heif.from_bytes(mode, (width, height), samples.tobytes())
    out = io.BytesIO()
    file.save(out, quality=98, chroma=444, **options)
    pillow_heif.options.SAVE_HDR_TO_12_BIT = False
    return out.getvalue()


def _nclx(primaries: int, transfer: int, matrix: int) -> dict[str, int]:
    return {
        "color_primaries": primaries,
        "transfer_characteristics": transfer,
        "matrix_coefficients": matrix,
        "full_range_flag": 1,
    }


def _heics() -> list[Case]:
    pillow_heif.options.SAVE_NCLX_PROFILE = True
    pillow_heif.register_heif_opener()
    whole, clear = ramps((128, 96)), with_alpha(ramps((128, 96)))
    gray = np.repeat(pq(np.array([0, 5, 26, 50, 100, 150, 203, 1000.0]))[:, None], 3, axis=1)
    found = [
        Case("HEIC", "alpha", lambda: _heic(clear), shown(clear), mean=3),
        Case(
            "HEIC",
            "linear profile",
            lambda: saved(
                image(patches() / 255), "HEIF", quality=98, chroma=444, icc_profile=rgb_profile(1.0)
            ),
            patches(LINEAR),
            mean=3,
        ),
        Case(
            "HEIC",
            "several pictures, the second is the main one",
            lambda: _several(whole),
            shown(whole),
            mean=3,
            note="main one",
        ),
    ]
    for bits in (8, 10, 12):
        for words, codes, levels, right, note in (
            ("sRGB", (1, 13, 6), patches() / 255, PATCHES, ""),
            ("Display P3", (12, 13, 6), patches() / 255, P3, ""),
            ("linear", (1, 8, 6), patches() / 255, LINEAR, ""),
            (
                "BT.2020 PQ",
                (9, 16, 9),
                patches(gray),
                np.repeat(np.array(TONE_MAPPED)[:, None], 3, 1),
                "HDR",
            ),
        ):

            def make(
                levels: Array = levels, codes: tuple[int, int, int] = codes, bits: int = bits
            ) -> bytes:
                return _heic(levels, bits, **_nclx(*codes))

            found.append(
                Case(
                    "HEIC", f"{bits}-bit RGB, nclx {words}", make, patches(right), mean=3, note=note
                )
            )
    for value in (2, 3, 5, 6, 7):

        def turn(value: int = value) -> bytes:
            file = pillow_heif.from_pillow(image(whole))
            file[0].info["exif"] = b"Exif\0\0" + exif_with(orientation(value))
            out = io.BytesIO()
            file.save(out, quality=98, chroma=444)
            return out.getvalue()

        right = turned(shown(whole), value)
        found.append(
            Case("HEIC", f"turned and mirrored as orientation {value}", turn, right, mean=3)
        )
    return found


def _several(main: Array) -> bytes:
    file = pillow_heif.from_pillow(Image.new("RGB", (64, 64), "red"))
    file.add_from_pillow(image(main))
    out = io.BytesIO()
    file.save(out, quality=98, chroma=444, primary_index=1)
    return out.getvalue()


CASES: Final = (*_webps(), *_avifs(), *_heics())
