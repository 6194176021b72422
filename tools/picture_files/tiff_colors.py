"""TIFF: color models, and files of several pages or parts."""

import io
from typing import Final

import numpy as np
import tifffile

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
from tools.picture_files.pngs import LINEAR, turned
from tools.picture_files.profiles import cmyk_profile, rgb_profile
from tools.picture_files.tiffs import SHORT, SIZE, tiff, whole


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
            lambda: tiff(whole(inks, 8), photometric="separated"),
            as_light,
            mean=1.5,
            note="CMYK",
        ),
        Case(
            "TIFF",
            "16-bit CMYK without a profile",
            lambda: tiff(whole(inks, 16), photometric="separated"),
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
                whole(gray_ramp(SIZE), 16)[..., 0],
                photometric=32803,
                extratags=[
                    (33421, SHORT, 2, (2, 2), True),
                    (33422, "B", 4, bytes((0, 1, 1, 2)), True),
                ],
            ),
            Refused("raw file"),
        ),
    ]


def _pages() -> list[Case]:
    rgb = ramps(SIZE)
    full, other = whole(rgb, 8), whole(1 - rgb, 8)
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
            return tiff(full, photometric="rgb", extratags=[(274, SHORT, 1, value, True)])

        found.append(Case("TIFF", f"orientation {value}", turn, turned(shown(rgb), value)))
    return found


CASES: Final = (*_models(), *_pages())
