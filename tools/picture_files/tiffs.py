"""TIFF, by tifffile and Pillow: depths, signs, layouts, compression, pages."""

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
    patches,
    ramps,
    saved,
    shown,
    with_alpha,
)
from tools.picture_files.pngs import LINEAR, turned
from tools.picture_files.profiles import cmyk_profile, rgb_profile

_SIZE: Final = (80, 64)
_SHORT: Final = "H"


def tiff(samples: Array, **options: Any) -> bytes:
    """A file by tifffile."""
    file = io.BytesIO()
    tifffile.imwrite(file, samples, metadata=None, **options)
    return file.getvalue()


def _whole(levels: Array, bits: int) -> Array:
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
    gray, rgb = gray_ramp(_SIZE), ramps(_SIZE)
    for bits in (1, 2, 4, 8, 10, 12, 14, 16, 24, 32):
        right = shown(_whole(gray, bits) / (2**bits - 1))
        for order, words in (("<", "little"), (">", "big")):

            def make(bits: int = bits, order: Any = order) -> bytes:
                return _ordered(_gray(_whole(gray, bits)), bits, order)

            found.append(Case("TIFF", f"{bits}-bit gray, {words} endian", make, right))

        def inverted(bits: int = bits) -> bytes:
            return tiff(_gray(_whole(1 - gray, bits)), photometric="miniswhite", bitspersample=bits)

        zero = shown(1 - _whole(1 - gray, bits) / (2**bits - 1))
        found.append(Case("TIFF", f"{bits}-bit gray, white is zero", inverted, zero))
        if bits >= 8:

            def three(bits: int = bits) -> bytes:
                return tiff(_whole(rgb, bits), photometric="rgb", bitspersample=bits)

            found.append(Case("TIFF", f"{bits}-bit RGB", three, shown(rgb)))
    return found


def _signs() -> list[Case]:
    gray, rgb = gray_ramp(_SIZE) * 1.2 - 0.1, ramps(_SIZE) * 1.2 - 0.1
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
    nan = gray_ramp(_SIZE).astype("f4")
    nan[:4] = np.nan
    blank = gray_ramp(_SIZE)
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
    rgb, clear, gray = ramps(_SIZE), with_alpha(ramps(_SIZE)), gray_ramp(_SIZE)
    found = []
    for bits in (8, 16):
        made: list[tuple[str, Callable[[int], bytes], Array]] = [
            (
                "RGB, planar",
                lambda b: tiff(
                    np.moveaxis(_whole(rgb, b), 2, 0), photometric="rgb", planarconfig="separate"
                ),
                rgb,
            ),
            ("RGB in tiles", lambda b: tiff(_whole(rgb, b), photometric="rgb", tile=(32, 48)), rgb),
            (
                "RGB, planar in tiles",
                lambda b: tiff(
                    np.moveaxis(_whole(rgb, b), 2, 0),
                    photometric="rgb",
                    planarconfig="separate",
                    tile=(32, 48),
                ),
                rgb,
            ),
            (
                "RGB in strips of 7 rows",
                lambda b: tiff(_whole(rgb, b), photometric="rgb", rowsperstrip=7),
                rgb,
            ),
            (
                "RGB with alpha",
                lambda b: tiff(_whole(clear, b), photometric="rgb", extrasamples=["unassalpha"]),
                clear,
            ),
            (
                "RGB with alpha, planar",
                lambda b: tiff(
                    np.moveaxis(_whole(clear, b), 2, 0),
                    photometric="rgb",
                    planarconfig="separate",
                    extrasamples=["unassalpha"],
                ),
                clear,
            ),
            (
                "RGB multiplied by its alpha",
                lambda b: tiff(
                    _whole(np.concatenate([clear[..., :3] * clear[..., 3:], clear[..., 3:]], 2), b),
                    photometric="rgb",
                    extrasamples=["assocalpha"],
                ),
                clear,
            ),
            (
                "RGB with a fourth channel that is no alpha",
                lambda b: tiff(_whole(clear, b), photometric="rgb", extrasamples=["unspecified"]),
                rgb,
            ),
            (
                "gray with alpha",
                lambda b: tiff(
                    _whole(with_alpha(gray), b),
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
                        _whole(rgb, bits),
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
                _whole(rgb, 8), photometric="rgb", compression="jpeg", compressionargs={"level": 98}
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
            lambda: tiff(_whole(rgb, 16), photometric="rgb", bigtiff=True),
            shown(rgb),
        ),
    ]
    for fax in ("group3", "group4", "tiff_ccitt"):
        black = gray_ramp(_SIZE) > 0.5

        def faxed(fax: str = fax, black: Array = black) -> bytes:
            return saved(Image.fromarray(black[..., 0]), "TIFF", compression=fax)

        found.append(Case("TIFF", f"1-bit gray, {fax.replace('tiff_', '')}", faxed, shown(black)))
    return found


def _models() -> list[Case]:
    rgb = ramps(_SIZE)
    inks = np.concatenate([1 - rgb, np.full((64, 80, 1), 0.25)], axis=2)
    as_light = shown(rgb * 0.75)
    table = np.zeros((3, 256), "u2")
    table[0], table[1] = np.arange(256) * 257, 65535 - np.arange(256) * 257
    index = _whole(gray_ramp(_SIZE), 8)[..., 0]
    through = np.stack([index, 255 - index, index * 0], axis=2).astype(float)
    lab = np.zeros((64, 80, 3), np.uint8)
    lab[..., 0] = np.linspace(0, 255, 80)
    lightness = np.linspace(0, 100, 80)
    y = np.where(lightness > 8, ((lightness + 16) / 116) ** 3, lightness / 903.3)
    gray = np.where(y <= 0.0031308, y * 12.92, 1.055 * y ** (1 / 2.4) - 0.055) * 255
    lab_right = np.tile(gray[None, :, None], (64, 1, 1))
    ink = np.zeros((64, 80, 4), np.uint8)
    ink[..., 3] = np.linspace(0, 255, 80)
    by_profile = 100 - np.linspace(0, 40, 80)
    y2 = ((by_profile + 16) / 116) ** 3
    profiled = np.tile(((1.055 * y2 ** (1 / 2.4) - 0.055) * 255)[None, :, None], (64, 1, 1))
    return [
        Case(
            "TIFF", "palette", lambda: tiff(index, photometric="palette", colormap=table), through
        ),
        Case(
            "TIFF",
            "palette whose levels are of 8 bits",
            lambda: tiff(index, photometric="palette", colormap=(table >> 8)),
            through,
        ),
        Case(
            "TIFF",
            "palette of 4 bits by libtiff",
            lambda: saved(image(rgb).quantize(16), "TIFF"),
            np.asarray(image(rgb).quantize(16).convert("RGB"), float),
        ),
        Case(
            "TIFF",
            "8-bit CMYK without a profile",
            lambda: tiff(_whole(inks, 8), photometric="separated"),
            as_light,
            mean=1.5,
            note="CMYK",
        ),
        Case(
            "TIFF",
            "16-bit CMYK without a profile",
            lambda: tiff(_whole(inks, 16), photometric="separated"),
            as_light,
            mean=1.5,
            note="CMYK",
        ),
        Case(
            "TIFF",
            "8-bit CMYK with a profile",
            lambda: tiff(ink, photometric="separated", iccprofile=cmyk_profile()),
            profiled,
            mean=1.5,
        ),
        Case("TIFF", "8-bit CIELab", lambda: tiff(lab, photometric="cielab"), lab_right, mean=1.5),
        Case(
            "TIFF",
            "16-bit RGB, linear profile",
            lambda: tiff(
                patches().astype("u2") * 257, photometric="rgb", iccprofile=rgb_profile(1.0)
            ),
            patches(LINEAR),
        ),
        Case(
            "TIFF",
            "float RGB, linear profile",
            lambda: tiff(
                (patches() / 255).astype("f4"), photometric="rgb", iccprofile=rgb_profile(1.0)
            ),
            patches(LINEAR),
        ),
        Case(
            "TIFF",
            "YCbCr by libtiff",
            lambda: saved(image(rgb).convert("YCbCr"), "TIFF"),
            shown(rgb),
            mean=2.5,
        ),
        Case(
            "TIFF",
            "a camera's raw samples",
            lambda: tiff(
                _whole(gray_ramp(_SIZE), 16)[..., 0],
                photometric=32803,
                extratags=[
                    (33421, _SHORT, 2, (2, 2), True),
                    (33422, "B", 4, bytes((0, 1, 1, 2)), True),
                ],
            ),
            Refused("raw file"),
        ),
    ]


def _pages() -> list[Case]:
    rgb = ramps(_SIZE)
    full, other = _whole(rgb, 8), _whole(1 - rgb, 8)
    small = np.full((16, 20, 3), 200, np.uint8)

    def pages(*parts: tuple[Array, int]) -> bytes:
        file = io.BytesIO()
        with tifffile.TiffWriter(file) as writer:
            for samples, sort in parts:
                writer.write(samples, photometric="rgb", subfiletype=sort, metadata=None)
        return file.getvalue()

    def nested() -> bytes:
        file = io.BytesIO()
        with tifffile.TiffWriter(file) as writer:
            writer.write(small, photometric="rgb", subifds=1, subfiletype=1, metadata=None)
            writer.write(full, photometric="rgb", metadata=None)
        return file.getvalue()

    found = [
        Case(
            "TIFF", "first page is a reduced copy", lambda: pages((small, 1), (full, 0)), shown(rgb)
        ),
        Case("TIFF", "full picture below a reduced copy", nested, shown(rgb)),
        Case(
            "TIFF", "several pages", lambda: pages((full, 0), (other, 0)), shown(rgb), note="pages"
        ),
        Case("TIFF", "a reduced copy behind it", lambda: pages((full, 0), (small, 1)), shown(rgb)),
        Case(
            "TIFF",
            "broken off",
            lambda: tiff(full, photometric="rgb", compression="zlib")[:400],
            Refused("damaged"),
        ),
    ]
    for value in (3, 6, 8):

        def turn(value: int = value) -> bytes:
            return tiff(full, photometric="rgb", extratags=[(274, _SHORT, 1, value, True)])

        found.append(Case("TIFF", f"orientation {value}", turn, turned(shown(rgb), value)))
    return found


CASES: Final = (*_depths(), *_signs(), *_layouts(), *_models(), *_pages())
