"""PNG, by hand: depths, layouts, transparent colors, and color information."""

import struct
import zlib
from functools import partial
from typing import Any, Final

import numpy as np

from tools.picture_files.case import (
    PATCHES,
    Array,
    Case,
    RefusedFile,
    gray_ramp,
    patches,
    ramps,
    shown,
    with_alpha,
)
from tools.picture_files.exifs import EXIFS, exif_with, turned
from tools.picture_files.profiles import gray_profile, lab_profile, rgb_profile

_case = partial(Case, "PNG", mime="image/png")
_P3 = (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
_GRAY, _RGB, _PALETTE, _GRAY_ALPHA, _RGBA = 0, 2, 3, 4, 6


def chunk(name: bytes, body: bytes) -> bytes:
    """Length, name, body and checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def packed(samples: Array, bits: int) -> bytes:
    """Rows [H, W, C] of whole numbers, each behind a filter byte of 0."""
    rows = samples.reshape(len(samples), -1)
    if bits == 16:
        return b"".join(b"\0" + row.astype(">u2").tobytes() for row in rows)
    if bits == 8:
        return b"".join(b"\0" + row.astype("u1").tobytes() for row in rows)
    places = np.arange(bits)[::-1]
    digits = (rows[..., None].astype(np.uint8) >> places) & 1
    return b"".join(b"\0" + np.packbits(row.ravel()).tobytes() for row in digits)


def png(samples: Array, bits: int, color_type: int, *before: bytes) -> bytes:
    """A file of whole numbers [H, W, C]."""
    height, width = samples.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(packed(samples, bits)))
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + b"".join(before) + body + chunk(b"IEND", b"")


def _of(levels: Array, bits: int) -> Array:
    return np.asarray(np.rint(levels * (2**bits - 1)), np.int64)


def _quantized(levels: Array, bits: int) -> Array:
    return shown(_of(levels, bits) / (2**bits - 1))


def _depths() -> list[Case]:
    found = []
    layouts: list[tuple[str, int, Array, tuple[int, ...]]] = [
        ("gray", _GRAY, gray_ramp(), (1, 2, 4, 8, 16)),
        ("gray with alpha", _GRAY_ALPHA, with_alpha(gray_ramp()), (8, 16)),
        ("RGB", _RGB, ramps(), (8, 16)),
        ("RGB with alpha", _RGBA, with_alpha(ramps()), (8, 16)),
    ]
    for layout, color_type, levels, depths in layouts:
        for bits in depths:
            make = partial(png, _of(levels, bits), bits, color_type)
            found.append(_case(f"{bits}-bit {layout}", make, _quantized(levels, bits)))
    return found


def _transparent_colors() -> list[Case]:
    found = []
    for bits in (1, 2, 4, 8, 16):
        most = 2**bits - 1
        key = most if bits < 16 else 0x8000
        samples = np.full((32, 48, 1), key)
        samples[:, 24:] = key - 1 if bits > 1 else 0
        level = samples * (255 / most)
        right = np.concatenate([level.repeat(3, 2), np.where(samples == key, 0, 255)], axis=2)
        gray = partial(png, samples, bits, _GRAY, chunk(b"tRNS", struct.pack(">H", key)))
        found.append(_case(f"{bits}-bit gray with a transparent level", gray, right))
        if bits < 8:
            continue
        three = np.concatenate([samples, samples // 2, samples // 4], axis=2)
        key3 = struct.pack(">3H", key, key // 2, key // 4)
        right3 = np.concatenate([three * (255 / most), right[..., 3:]], axis=2)
        rgb = partial(png, three, bits, _RGB, chunk(b"tRNS", key3))
        found.append(_case(f"{bits}-bit RGB with a transparent color", rgb, right3))
    for bits in (1, 2, 4, 8):
        count = 2**bits
        table = np.array([(each * 40 % 256, each * 90 % 256, 255 - each) for each in range(count)])
        alphas = bytes([0, 100, 255][:count])
        index = np.tile(np.arange(48) % count, (32, 1))[..., None]
        full = np.array([*alphas, *[255] * count][:count])
        right = np.concatenate([table[index[..., 0]], full[index]], axis=2)
        colors = chunk(b"PLTE", table.astype("u1").tobytes())
        palette = partial(png, index, bits, _PALETTE, colors, chunk(b"tRNS", alphas))
        found.append(_case(f"{bits}-bit palette with alpha", palette, right))
    return found


def gama(value: int) -> bytes:
    """The chunk of a gamma, times 100,000."""
    return chunk(b"gAMA", struct.pack(">I", value))


def chrm(values: tuple[float, ...] = _P3) -> bytes:
    """The chunk of chromaticities; those of Display P3 unless told otherwise."""
    return chunk(b"cHRM", struct.pack(">8I", *[round(value * 100_000) for value in values]))


def cicp(primaries: int, transfer: int, matrix: int = 0, full: int = 1) -> bytes:
    """The chunk of code points."""
    return chunk(b"cICP", bytes([primaries, transfer, matrix, full]))


def iccp(profile: bytes) -> bytes:
    """The chunk of a profile."""
    return chunk(b"iCCP", b"x\0\0" + zlib.compress(profile))


# What Chromium 156 shows of PATCHES.
LINEAR: Final = [(188, 137, 229), (255, 0, 0), (0, 255, 0), (0, 0, 255), (110, 110, 110),
                 (229, 202, 133), (56, 56, 56), (168, 229, 239)]  # fmt: skip
P3: Final = [(138, 59, 207), (255, 0, 0), (0, 255, 0), (0, 0, 255), (40, 40, 40), (209, 147, 32),
             (10, 10, 10), (45, 203, 223)]  # fmt: skip
BT2020_VIDEO: Final = [(138, 29, 206), (255, 0, 0), (0, 255, 0), (0, 0, 255), (28, 28, 28),
                       (226, 136, 0), (1, 1, 1), (0, 205, 222)]  # fmt: skip
_BT709: Final = [(121, 54, 197), (255, 0, 0), (0, 255, 0), (0, 0, 255), (28, 28, 28),
                 (197, 144, 49), (1, 1, 1), (91, 197, 218)]  # fmt: skip
_POWER: Final = [(129, 62, 201), (255, 0, 0), (0, 255, 0), (0, 0, 255), (35, 35, 35),
                 (201, 151, 57), (3, 3, 3), (100, 201, 221)]  # fmt: skip
_P3_POWER: Final = [(139, 57, 209), (255, 0, 0), (0, 255, 0), (0, 0, 255), (35, 35, 35),
                    (210, 149, 25), (3, 3, 3), (43, 204, 224)]  # fmt: skip
_SRGB_CHUNK = chunk(b"sRGB", b"\0")


def _colors() -> list[Case]:
    said: list[tuple[str, Any, tuple[bytes, ...], dict[str, Any]]] = [
        ("nothing said", PATCHES, (), {}),
        ("cICP Display P3", P3, (cicp(12, 13),), {}),
        ("cICP BT.2020 with its curve", BT2020_VIDEO, (cicp(9, 1),), {}),
        ("cICP BT.2020 of 10 bits", BT2020_VIDEO, (cicp(9, 14),), {}),
        ("cICP BT.709", _BT709, (cicp(1, 1),), {}),
        ("cICP linear", LINEAR, (cicp(1, 8),), {}),
        ("cICP gamma 2.2", _POWER, (cicp(1, 4),), {}),
        ("cICP of narrow range, ignored", PATCHES, (cicp(12, 13, 0, 0),), {}),
        ("cICP unspecified", PATCHES, (cicp(2, 2),), {}),
        ("gAMA 1.0", LINEAR, (gama(100_000),), {}),
        ("gAMA 0.45455", PATCHES, (gama(45_455),), {}),
        ("gAMA 0, ignored", PATCHES, (gama(0),), {}),
        ("gAMA 0.45455 and cHRM of P3", _P3_POWER, (gama(45_455), chrm()), {}),
        ("cHRM alone, ignored", PATCHES, (chrm(),), {}),
        ("gAMA 1.0 and cHRM that span nothing, ignored", PATCHES,
         (gama(100_000), chrm((0.3,) * 8)), {}),
        ("sRGB before gAMA 1.0", PATCHES, (_SRGB_CHUNK, gama(100_000), chrm()), {}),
        ("iCCP linear", LINEAR, (iccp(rgb_profile(1.0)),), {}),
        ("iCCP before sRGB and gAMA", LINEAR,
         (iccp(rgb_profile(1.0)), _SRGB_CHUNK, gama(45_455)), {}),
        ("cICP before iCCP", P3, (cicp(12, 13), iccp(rgb_profile(1.0))), {}),
        ("iCCP of P3", _P3_POWER, (iccp(rgb_profile(2.2, wide=True)),), {}),
        ("iCCP of Lab", PATCHES, (iccp(lab_profile()),), {"note": "profile cannot be used"}),
        ("iCCP of gray", PATCHES, (iccp(gray_profile()),), {"note": "profile cannot be used"}),
        ("iCCP broken", PATCHES, (iccp(b"nonsense" * 20),), {"note": "profile cannot be used"}),
        ("text of 3 MiB, compressed", PATCHES,
         (chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(3 << 20))),), {}),
        ("iCCP of 2 MiB", LINEAR, (iccp(_padded(rgb_profile(1.0), 2 << 20)),), {}),
    ]  # fmt: skip
    return [
        _case(
            f"{bits}-bit RGB, {words}",
            partial(png, patches().astype(int) * times, bits, _RGB, *before),
            patches(right),
            **more,
        )
        for words, right, before, more in said
        for bits, times in ((8, 1), (16, 257))
    ]


def _padded(profile: bytes, size: int) -> bytes:
    """A profile that is long, as some of printers are."""
    return struct.pack(">I", size) + profile[4:].ljust(size - 4, b"\0")


def _grays() -> list[Case]:
    flat = np.full((32, 48, 1), 188.0)
    said = {
        "gAMA 1.0": gama(100_000),
        "iCCP of linear gray": iccp(gray_profile()),
        "iCCP of linear RGB": iccp(rgb_profile(1.0)),
    }
    return [
        _case(f"8-bit gray, {words}", partial(png, np.full((32, 48, 1), 128), 8, _GRAY, one), flat)
        for words, one in said.items()
    ]


def _exifs() -> list[Case]:
    return [
        _case(
            f"Exif with {words}",
            partial(png, _of(ramps(), 8), 8, _RGB, chunk(b"eXIf", exif_with(*entries))),
            turned(_quantized(ramps(), 8), value),
        )
        for words, entries, value in EXIFS
    ]


def pq(nits: Array) -> Array:
    """SMPTE ST 2084, from cd/m² to 0..1."""
    power = (nits / 10_000) ** (2610 / 16384)
    top = 3424 / 4096 + 2413 / 4096 * 32 * power
    result: Array = (top / (1 + 2392 / 4096 * 32 * power)) ** (2523 / 4096 * 128)
    return result


HDR: Final[dict[str, Any]] = {
    "chromium_mean": 35.0,
    "why": "our curve keeps the brightness up to paper white; Chromium halves it",
    "note": "HDR",
}
# Light up to 0.75 of paper white as it is, then bent: 203 cd/m² ends at 240, 1,000 at 255.
TONE_MAPPED: Final = [0, 43, 100, 136, 187, 222, 240, 255]
PQ_SAMPLES: Final = pq(np.array([0, 5, 26, 50, 100, 150, 203, 1000.0]))
HLG_SAMPLES: Final = [0, 0.1, 0.25, 0.4, 0.5, 0.65, 0.75, 1]
HLG_SHOWN: Final = [0, 16, 60, 107, 136, 195, 240, 255]


def grays(levels: Any) -> Array:
    """Eight squares of gray side by side."""
    return patches(np.repeat(np.array(levels)[:, None], 3, axis=1))


def _hdr() -> list[Case]:
    return [
        _case(
            f"{bits}-bit RGB, cICP BT.2020 {words}",
            partial(png, _of(grays(samples), bits), bits, _RGB, cicp(9, transfer)),
            grays(right),
            mean=1.5,
            **HDR,
        )
        for words, transfer, samples, right in (
            ("PQ", 16, PQ_SAMPLES, TONE_MAPPED),
            ("HLG", 18, HLG_SAMPLES, HLG_SHOWN),
        )
        for bits in (8, 16)
    ]


def _broken_off() -> list[Case]:
    whole = png(_of(ramps(), 8), 8, _RGB)
    right = _quantized(ramps(), 8)
    bad = bytearray(whole)
    bad[whole.index(b"IDAT") + 20] ^= 255
    clear = partial(png, np.zeros((32, 48, 4), int), 8, _RGBA)
    refused = partial(_case, mime=None)
    return [
        _case("without its end", lambda: whole[:-12], right),
        refused("half of it", lambda: whole[: len(whole) // 2], RefusedFile("damaged")),
        refused("pixels beside their checksum", lambda: bytes(bad), RefusedFile("damaged")),
        refused("transparent throughout", clear, RefusedFile("completely transparent")),
    ]


CASES: Final = (
    *_depths(), *_transparent_colors(), *_colors(), *_grays(), *_exifs(), *_hdr(), *_broken_off(),
)  # fmt: skip
