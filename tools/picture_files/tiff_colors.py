"""TIFF: color models, and files of several pages or parts."""

import io
from functools import partial
from typing import Final

import numpy as np
import tifffile

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
from tools.picture_files.exifs import turned
from tools.picture_files.pngs import LINEAR
from tools.picture_files.profiles import cmyk_profile, rgb_profile
from tools.picture_files.tiffs import SHORT, SIZE, tiff, whole

_case = partial(Case, "TIFF")


def _models() -> list[Case]:
    rgb = ramps(SIZE)
    inks = np.concatenate([1 - rgb, np.full((64, 80, 1), 0.25)], axis=2)
    as_light = shown(rgb * 0.75)
    table = np.zeros((3, 256), "u2")
    table[0], table[1] = np.arange(256) * 257, 65535 - np.arange(256) * 257
    index = whole(gray_ramp(SIZE), 8)[..., 0]
    through = np.stack([index, 255 - index, index * 0], axis=2).astype(float)
    lab = np.zeros((64, 80, 3), np.uint8)
    lab[..., 0] = np.linspace(0, 255, 80)
    lab_right = np.tile(gray_of_lightness(np.linspace(0, 100, 80))[None, :, None], (64, 1, 1))
    ink = np.zeros((64, 80, 4), np.uint8)
    ink[..., 3] = np.linspace(0, 255, 80)
    by_profile = gray_of_lightness(100 - np.linspace(0, 40, 80))
    profiled = np.tile(by_profile[None, :, None], (64, 1, 1))
    paletted = image(rgb).quantize(16)
    linear = {"photometric": "rgb", "iccprofile": rgb_profile(1.0)}
    raw = [(33421, SHORT, 2, (2, 2), True), (33422, "B", 4, bytes((0, 1, 1, 2)), True)]
    separated = partial(tiff, photometric="separated")
    found = [
        _case("palette", partial(tiff, index, photometric="palette", colormap=table), through),
        _case(
            "palette whose levels are of 8 bits",
            partial(tiff, index, photometric="palette", colormap=(table >> 8)),
            through,
        ),
        _case(
            "palette of 4 bits by libtiff",
            partial(saved, paletted, "TIFF"),
            np.asarray(paletted.convert("RGB"), float),
        ),
    ]
    found += [
        _case(
            f"{bits}-bit CMYK without a profile",
            partial(separated, whole(inks, bits)),
            as_light,
            mean=1.5,
            note="CMYK",
        )
        for bits in (8, 16)
    ]
    found += [
        _case(
            "8-bit CMYK with a profile",
            partial(separated, ink, iccprofile=cmyk_profile()),
            profiled,
            mean=1.5,
        ),
        _case("8-bit CIELab", partial(tiff, lab, photometric="cielab"), lab_right, mean=1.5),
        _case(
            "16-bit RGB, linear profile",
            partial(tiff, patches().astype("u2") * 257, **linear),
            patches(LINEAR),
        ),
        _case(
            "float RGB, linear profile",
            partial(tiff, (patches() / 255).astype("f4"), **linear),
            patches(LINEAR),
        ),
        _case(
            "YCbCr by libtiff",
            partial(saved, image(rgb).convert("YCbCr"), "TIFF"),
            shown(rgb),
            mean=2.5,
        ),
        _case(
            "a camera's raw samples",
            partial(tiff, whole(gray_ramp(SIZE), 16)[..., 0], photometric=32803, extratags=raw),
            RefusedFile("raw file"),
        ),
    ]
    return found


def _pages() -> list[Case]:
    rgb = ramps(SIZE)
    full, other = whole(rgb, 8), whole(1 - rgb, 8)
    small = np.full((16, 20, 3), 200, np.uint8)

    def pages(*parts: tuple[Array, int | None], below: int | None = None) -> bytes:
        """Pages of samples and kind; the next `below` of them are subpages of the first."""
        file = io.BytesIO()
        with tifffile.TiffWriter(file) as writer:
            for number, (samples, sort) in enumerate(parts):
                ifds = below if number == 0 else None
                writer.write(
                    samples, photometric="rgb", subifds=ifds, subfiletype=sort, metadata=None
                )
        return file.getvalue()

    found = [
        _case("first page is a reduced copy", partial(pages, (small, 1), (full, 0)), shown(rgb)),
        _case(
            "full picture below a reduced copy",
            partial(pages, (small, 1), (full, None), below=1),
            shown(rgb),
        ),
        _case("several pages", partial(pages, (full, 0), (other, 0)), shown(rgb), note="pages"),
        _case("a reduced copy behind it", partial(pages, (full, 0), (small, 1)), shown(rgb)),
        _case(
            "broken off",
            lambda: tiff(full, photometric="rgb", compression="zlib")[:400],
            RefusedFile("damaged"),
        ),
    ]
    for value in (3, 6, 8):
        tags = [(274, SHORT, 1, value, True)]
        turn = partial(tiff, full, photometric="rgb", extratags=tags)
        found.append(_case(f"orientation {value}", turn, turned(shown(rgb), value)))
    return found


CASES: Final = (*_models(), *_pages())
