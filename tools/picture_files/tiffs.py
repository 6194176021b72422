"""TIFF, by tifffile and Pillow: depths, signs, layouts, compression."""

import io
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import tifffile
from PIL import Image

from tools.picture_files.case import (
    Array,
    Case,
    Refused,
    gray_ramp,
    image,
    ramps,
    saved,
    shown,
    with_alpha,
)

SIZE: Final = (80, 64)
SHORT: Final = "H"


def tiff(samples: Array, **options: Any) -> bytes:
    """A file by tifffile."""
    file = io.BytesIO()
    tifffile.imwrite(file, samples, metadata=None, **options)
    return file.getvalue()


def whole(levels: Array, bits: int) -> Array:
    """Levels 0..1 as whole numbers of `bits` bits."""
    dtype = "u1" if bits <= 8 else "u2" if bits <= 16 else "u4"
    return np.asarray(np.rint(levels * (2**bits - 1)), dtype)


def _gray(levels: Array) -> Array:
    return np.asarray(levels[..., 0])


def _ordered(samples: Array, bits: int, order: Any) -> bytes:
    """Gray of a byte order; bits that are no whole bytes are packed alike in both.

    tifffile 2026.3.3 swaps their bytes before it packs them, and reads such a file of its own
    wrong; what other programs write it reads right.
    """
    said: dict[str, Any] = {"photometric": "minisblack", "bitspersample": bits}
    file = tiff(samples, byteorder=order, **said)
    if bits in {8, 16, 24, 32}:
        return file
    right = tiff(samples, byteorder="<", **said)
    start, length = _pixels(file)
    return file[:start] + right[slice(*_ends(right))] + file[start + length :]


def _pixels(file: bytes) -> tuple[int, int]:
    with tifffile.TiffFile(io.BytesIO(file)) as opened:
        page = opened.pages.first
        return page.dataoffsets[0], page.databytecounts[0]


def _ends(file: bytes) -> tuple[int, int]:
    start, length = _pixels(file)
    return start, start + length


def _depths() -> list[Case]:
    found = []
    gray, rgb = gray_ramp(SIZE), ramps(SIZE)
    for bits in (1, 2, 4, 8, 10, 12, 14, 16, 24, 32):
        right = shown(whole(gray, bits) / (2**bits - 1))
        for order, words in (("<", "little"), (">", "big")):

            def make(bits: int = bits, order: Any = order) -> bytes:
                return _ordered(_gray(whole(gray, bits)), bits, order)

            found.append(Case("TIFF", f"{bits}-bit gray, {words} endian", make, right))

        def inverted(bits: int = bits) -> bytes:
            return tiff(_gray(whole(1 - gray, bits)), photometric="miniswhite", bitspersample=bits)

        zero = shown(1 - whole(1 - gray, bits) / (2**bits - 1))
        found.append(Case("TIFF", f"{bits}-bit gray, white is zero", inverted, zero))
        if bits >= 8:

            def three(bits: int = bits) -> bytes:
                return tiff(whole(rgb, bits), photometric="rgb", bitspersample=bits)

            found.append(Case("TIFF", f"{bits}-bit RGB", three, shown(rgb)))
    return found


def _signs() -> list[Case]:
    gray, rgb = gray_ramp(SIZE) * 1.2 - 0.1, ramps(SIZE) * 1.2 - 0.1
    found = []
    for dtype in ("i1", "i2", "i4", "f2", "f4", "f8"):
        most = np.iinfo(dtype).max if dtype[0] == "i" else 1
        sort = f"{8 * int(dtype[1])}-bit " + ("signed" if dtype[0] == "i" else "float")

        def scaled(levels: Array, most: float = most, dtype: str = dtype) -> Array:
            return (
                np.clip(levels, -1, 1 if most > 1 else 2).astype("f8").__mul__(most).astype(dtype)
            )

        for order, words in (("<", "little"), (">", "big")):

            def make(scaled: Any = scaled, order: Any = order) -> bytes:
                return tiff(_gray(scaled(gray)), photometric="minisblack", byteorder=order)

            found.append(Case("TIFF", f"{sort} gray, {words} endian", make, shown(gray)))

        def three(scaled: Any = scaled) -> bytes:
            return tiff(scaled(rgb), photometric="rgb")

        found.append(Case("TIFF", f"{sort} RGB", three, shown(rgb)))
        if dtype[0] == "f":

            def inverted(scaled: Any = scaled) -> bytes:
                return tiff(_gray(scaled(1 - gray)), photometric="miniswhite")

            found.append(Case("TIFF", f"{sort} gray, white is zero", inverted, shown(gray)))
    nan = gray_ramp(SIZE).astype("f4")
    nan[:4] = np.nan
    blank = gray_ramp(SIZE)
    blank[:4] = 0
    found += [
        Case(
            "TIFF", "float of 0 to 255", lambda: tiff(_gray(gray * 255).astype("f4")), shown(gray)
        ),
        Case(
            "TIFF",
            "float of 0 to 65535",
            lambda: tiff(_gray(gray * 65535).astype("f4")),
            shown(gray),
        ),
        Case("TIFF", "float with what is no number", lambda: tiff(_gray(nan)), shown(blank)),
        Case("TIFF", "complex numbers", lambda: tiff(np.ones((64, 80), "c8")), Refused("complex")),
    ]
    return found


def _layouts() -> list[Case]:
    rgb, clear, gray = ramps(SIZE), with_alpha(ramps(SIZE)), gray_ramp(SIZE)
    found = []
    for bits in (8, 16):
        made: list[tuple[str, Callable[[int], bytes], Array]] = [
            (
                "RGB, planar",
                lambda b: tiff(
                    np.moveaxis(whole(rgb, b), 2, 0), photometric="rgb", planarconfig="separate"
                ),
                rgb,
            ),
            ("RGB in tiles", lambda b: tiff(whole(rgb, b), photometric="rgb", tile=(32, 48)), rgb),
            (
                "RGB, planar in tiles",
                lambda b: tiff(
                    np.moveaxis(whole(rgb, b), 2, 0),
                    photometric="rgb",
                    planarconfig="separate",
                    tile=(32, 48),
                ),
                rgb,
            ),
            (
                "RGB in strips of 7 rows",
                lambda b: tiff(whole(rgb, b), photometric="rgb", rowsperstrip=7),
                rgb,
            ),
            (
                "RGB with alpha",
                lambda b: tiff(whole(clear, b), photometric="rgb", extrasamples=["unassalpha"]),
                clear,
            ),
            (
                "RGB with alpha, planar",
                lambda b: tiff(
                    np.moveaxis(whole(clear, b), 2, 0),
                    photometric="rgb",
                    planarconfig="separate",
                    extrasamples=["unassalpha"],
                ),
                clear,
            ),
            (
                "RGB multiplied by its alpha",
                lambda b: tiff(
                    whole(np.concatenate([clear[..., :3] * clear[..., 3:], clear[..., 3:]], 2), b),
                    photometric="rgb",
                    extrasamples=["assocalpha"],
                ),
                clear,
            ),
            (
                "RGB with a fourth channel that is no alpha",
                lambda b: tiff(whole(clear, b), photometric="rgb", extrasamples=["unspecified"]),
                rgb,
            ),
            (
                "gray with alpha",
                lambda b: tiff(
                    whole(with_alpha(gray), b),
                    photometric="minisblack",
                    planarconfig="contig",
                    extrasamples=["unassalpha"],
                ),
                with_alpha(gray),
            ),
        ]
        for words, make, levels in made:

            def at(make: Callable[[int], bytes] = make, bits: int = bits) -> bytes:
                return make(bits)

            found.append(Case("TIFF", f"{bits}-bit {words}", at, shown(levels), mean=1.2))
        for compression in ("zlib", "lzw", "lzma", "packbits", "zstd"):
            for predictor in (False, True):
                if predictor and compression == "packbits":
                    continue
                words = f"{bits}-bit RGB, {compression}" + (
                    " with differences" if predictor else ""
                )

                def packed(
                    compression: Any = compression, predictor: bool = predictor, bits: int = bits
                ) -> bytes:
                    return tiff(
                        whole(rgb, bits),
                        photometric="rgb",
                        compression=compression,
                        predictor=predictor,
                    )

                found.append(Case("TIFF", words, packed, shown(rgb)))
    found += [
        Case(
            "TIFF",
            "float RGB, zlib with differences",
            lambda: tiff(rgb.astype("f4"), photometric="rgb", compression="zlib", predictor=True),
            shown(rgb),
        ),
        Case(
            "TIFF",
            "RGB in JPEG",
            lambda: tiff(
                whole(rgb, 8), photometric="rgb", compression="jpeg", compressionargs={"level": 98}
            ),
            shown(rgb),
            mean=2,
        ),
        Case(
            "TIFF",
            "RGB in JPEG by libtiff",
            lambda: saved(image(rgb), "TIFF", compression="jpeg", quality=98),
            shown(rgb),
            mean=2,
        ),
        Case(
            "TIFF",
            "BigTIFF",
            lambda: tiff(whole(rgb, 16), photometric="rgb", bigtiff=True),
            shown(rgb),
        ),
    ]
    for fax in ("group3", "group4", "tiff_ccitt"):
        black = gray_ramp(SIZE) > 0.5

        def faxed(fax: str = fax, black: Array = black) -> bytes:
            return saved(Image.fromarray(black[..., 0]), "TIFF", compression=fax)

        found.append(Case("TIFF", f"1-bit gray, {fax.replace('tiff_', '')}", faxed, shown(black)))
    return found


CASES: Final = (*_depths(), *_signs(), *_layouts())
