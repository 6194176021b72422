"""TIFF, by tifffile and Pillow: depths, signs, layouts, compression."""

import io
import struct
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np
import tifffile
from PIL import Image

from tools.picture_files.case import (
    Array,
    Case,
    RefusedFile,
    gray_ramp,
    image,
    ramps,
    saved,
    shown,
    with_alpha,
)

SIZE: Final = (80, 64)
SHORT: Final = "H"
_STRIP_BYTE_COUNTS, _PRIVATE = 279, 65000
_case = partial(Case, "TIFF")


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
    place = _pixels(file)
    return file[: place.start] + right[_pixels(right)] + file[place.stop :]


def _pixels(file: bytes) -> slice:
    with tifffile.TiffFile(io.BytesIO(file)) as opened:
        page = opened.pages.first
        return slice(page.dataoffsets[0], page.dataoffsets[0] + page.databytecounts[0])


def _depths() -> list[Case]:
    found = []
    gray, rgb = gray_ramp(SIZE), ramps(SIZE)
    for bits in (1, 2, 4, 8, 10, 12, 14, 16, 24, 32):
        right = shown(whole(gray, bits) / (2**bits - 1))
        for order, words in (("<", "little"), (">", "big")):
            make = partial(_ordered, _gray(whole(gray, bits)), bits, order)
            found.append(_case(f"{bits}-bit gray, {words} endian", make, right))
        dark = whole(1 - gray, bits)
        inverted = partial(tiff, _gray(dark), photometric="miniswhite", bitspersample=bits)
        zero = shown(1 - dark / (2**bits - 1))
        found.append(_case(f"{bits}-bit gray, white is zero", inverted, zero))
        if bits >= 8:
            three = partial(tiff, whole(rgb, bits), photometric="rgb", bitspersample=bits)
            found.append(_case(f"{bits}-bit RGB", three, shown(rgb)))
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
            make = partial(tiff, _gray(scaled(gray)), photometric="minisblack", byteorder=order)
            found.append(_case(f"{sort} gray, {words} endian", make, shown(gray)))
        three = partial(tiff, scaled(rgb), photometric="rgb")
        found.append(_case(f"{sort} RGB", three, shown(rgb)))
        if dtype[0] == "f":
            inverted = partial(tiff, _gray(scaled(1 - gray)), photometric="miniswhite")
            found.append(_case(f"{sort} gray, white is zero", inverted, shown(gray)))
    nan = gray_ramp(SIZE).astype("f4")
    nan[:4] = np.nan
    blank = gray_ramp(SIZE)
    blank[:4] = 0
    found += [
        _case(f"float of 0 to {most}", partial(tiff, _gray(gray * most).astype("f4")), shown(gray))
        for most in (255, 65535)
    ]
    found += [
        _case("float with what is no number", partial(tiff, _gray(nan)), shown(blank)),
        _case("complex numbers", partial(tiff, np.ones((64, 80), "c8")), RefusedFile("complex")),
    ]
    return found


def _without_lengths(make: Callable[[], bytes]) -> bytes:
    """The file without the lengths of its strips, which some old programs leave out."""
    file = bytearray(make())
    with tifffile.TiffFile(io.BytesIO(file)) as opened:
        at = opened.pages.first.tags[_STRIP_BYTE_COUNTS].offset
    file[at : at + 2] = struct.pack("<H", _PRIVATE)
    return bytes(file)


def _layouts() -> list[Case]:
    rgb, clear, gray = ramps(SIZE), with_alpha(ramps(SIZE)), gray_ramp(SIZE)
    premultiplied = np.concatenate([clear[..., :3] * clear[..., 3:], clear[..., 3:]], 2)
    alpha, planar = {"extrasamples": ["unassalpha"]}, {"planarconfig": "separate"}
    contiguous = {"photometric": "minisblack", "planarconfig": "contig"}
    made: list[tuple[str, Array, Array, dict[str, Any]]] = [
        ("RGB, planar", np.moveaxis(rgb, 2, 0), rgb, planar),
        ("RGB in tiles", rgb, rgb, {"tile": (32, 48)}),
        ("RGB, planar in tiles", np.moveaxis(rgb, 2, 0), rgb, {**planar, "tile": (32, 48)}),
        ("RGB in strips of 7 rows", rgb, rgb, {"rowsperstrip": 7}),
        ("RGB with alpha", clear, clear, alpha),
        ("RGB with alpha, planar", np.moveaxis(clear, 2, 0), clear, {**planar, **alpha}),
        ("RGB multiplied by its alpha", premultiplied, clear, {"extrasamples": ["assocalpha"]}),
        (
            "RGB with a fourth channel that is no alpha",
            clear,
            rgb,
            {"extrasamples": ["unspecified"]},
        ),
        ("gray with alpha", with_alpha(gray), with_alpha(gray), {**contiguous, **alpha}),
    ]
    found = []
    for bits in (8, 16):
        for words, levels, right, options in made:
            make = partial(tiff, whole(levels, bits), **{"photometric": "rgb", **options})
            found.append(_case(f"{bits}-bit {words}", make, shown(right), mean=1.2))
        for compression in ("zlib", "lzw", "lzma", "packbits", "zstd"):
            for predictor in (False, True):
                if predictor and compression == "packbits":
                    continue
                words = " with differences" if predictor else ""
                packed = partial(
                    tiff,
                    whole(rgb, bits),
                    photometric="rgb",
                    compression=compression,
                    predictor=predictor,
                )
                found.append(_case(f"{bits}-bit RGB, {compression}{words}", packed, shown(rgb)))
    floats = partial(tiff, rgb.astype("f4"), photometric="rgb", compression="zlib", predictor=True)
    whole8 = partial(tiff, whole(rgb, 8), photometric="rgb", compression="jpeg")
    by_libtiff = partial(saved, image(rgb), "TIFF", compression="jpeg", quality=98)
    big = partial(tiff, whole(rgb, 16), photometric="rgb", bigtiff=True)
    strips = partial(tiff, whole(rgb, 8), photometric="rgb", rowsperstrip=7)
    bits1 = partial(tiff, whole(gray, 8)[..., 0] > 127, photometric="minisblack")
    found += [
        _case(
            "8-bit RGB in strips, lengths not said", partial(_without_lengths, strips), shown(rgb)
        ),
        _case("1-bit gray, length not said", partial(_without_lengths, bits1), shown(gray > 0.5)),
        _case("float RGB, zlib with differences", floats, shown(rgb)),
        _case("RGB in JPEG", partial(whole8, compressionargs={"level": 98}), shown(rgb), mean=2),
        _case("RGB in JPEG by libtiff", by_libtiff, shown(rgb), mean=2),
        _case("BigTIFF", big, shown(rgb)),
    ]
    black = gray > 0.5
    for fax in ("group3", "group4", "tiff_ccitt"):
        faxed = partial(saved, Image.fromarray(black[..., 0]), "TIFF", compression=fax)
        found.append(_case(f"1-bit gray, {fax.replace('tiff_', '')}", faxed, shown(black)))
    return found


CASES: Final = (*_depths(), *_signs(), *_layouts())
