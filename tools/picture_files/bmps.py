"""BMP, by hand: fields of bits, runs, alpha."""

import struct
from functools import partial
from typing import Final

import numpy as np

from tools.picture_files.case import Array, Case, RefusedFile, patches, ramps, shown, with_alpha
from tools.picture_files.pngs import LINEAR
from tools.picture_files.profiles import rgb_profile

_case = partial(Case, "BMP", mime="image/bmp")


def bmp(
    samples: Array,
    bits: int,
    *,
    masks: tuple[int, ...] = (),
    header: int = 40,
    icc: bytes = b"",
    compression: int | None = None,
    body: bytes | None = None,
    palette: bytes = b"",
) -> bytes:
    """A BMP of words [H, W], or of whole bytes as given, from the lowest row."""
    height, width = samples.shape[:2]
    width //= 3 if bits == 24 else 1
    rows = samples[::-1].astype({16: "<u2", 32: "<u4"}.get(bits, "u1"))
    padding = -rows[0].nbytes % 4
    data = b"".join(row.tobytes() + bytes(padding) for row in rows) if body is None else body
    if compression is None:
        compression = 3 if masks else 0
    head = struct.pack(
        "<IiiHHIIiiII",
        header,
        width,
        height,
        1,
        bits,
        compression,
        len(data),
        0,
        0,
        len(palette) // 4,
        0,
    )
    told = struct.pack(f"<{len(masks)}I", *masks)
    if header == 40:
        head += told
    else:
        space = 0x4D424544 if icc else 0x73524742
        head += told.ljust(16, b"\0") + struct.pack("<I", space) + bytes(48)
    start = 14 + len(head) + len(palette) + (16 if header == 124 else 0)
    if header == 124:
        head += struct.pack("<IIII", 4, start - 14 + len(data) if icc else 0, len(icc), 0)
    file = b"BM" + struct.pack("<IHHI", start + len(data) + len(icc), 0, 0, start)
    return file + head + palette + data + icc


def _words(levels: Array, masks: tuple[int, ...]) -> Array:
    words = np.zeros(levels.shape[:2], np.uint64)
    for channel, mask in enumerate(masks[: levels.shape[2]]):
        if mask:
            shift = (mask & -mask).bit_length() - 1
            values = np.rint(levels[..., channel] * (mask >> shift)).astype(np.uint64)
            words |= values << np.uint64(shift)
    return words


_MASKS: Final[list[tuple[str, int, tuple[int, ...]]]] = [
    ("10-10-10", 32, (0x3FF00000, 0xFFC00, 0x3FF)),
    ("2-10-10-10", 32, (0x3FF00000, 0xFFC00, 0x3FF, 0xC0000000)),
    ("8888 as RGBA", 32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)),
    ("8888 as ARGB", 32, (0xFF00, 0xFF0000, 0xFF000000, 0xFF)),
    ("565", 16, (0xF800, 0x7E0, 0x1F)),
    ("555", 16, (0x7C00, 0x3E0, 0x1F)),
    ("4444", 16, (0xF00, 0xF0, 0xF, 0xF000)),
    ("444", 16, (0xF00, 0xF0, 0xF)),
]
_RUN_COLORS: Final = bytes((0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0, 255, 255, 255, 0))


def _bmps() -> list[Case]:
    colors, clear = ramps(), with_alpha(ramps())
    levels = np.rint(colors * 255)
    bgr = levels[..., ::-1].reshape(32, -1)
    half = np.rint(np.concatenate([colors, np.zeros((32, 48, 1))], axis=2) * 255)
    words32 = _words(half / 255, (0xFF0000, 0xFF00, 0xFF, 0xFF000000))
    masks32 = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    linear = patches()[..., ::-1].reshape(32, -1)
    found = [
        _case("24 bits", partial(bmp, bgr, 24), levels),
        _case("32 bits, fourth byte 0", partial(bmp, words32, 32), levels),
        _case(
            "8888 with alpha that is 0 throughout",
            partial(bmp, words32, 32, masks=masks32, header=108),
            levels,
            chromium_mean=255,
            why="Chromium shows nothing at all; other viewers show it opaque",
        ),
        _case(
            "24 bits, linear profile (v5)",
            partial(bmp, linear, 24, header=124, icc=rgb_profile(1.0)),
            patches(LINEAR),
        ),
        _case(
            "24 bits, broken off", lambda: bmp(bgr, 24)[:2000], RefusedFile("damaged"), mime=None
        ),
    ]
    for words, bits, masks in _MASKS:
        alpha = len(masks) == 4
        source = clear if alpha else colors
        steps = np.array([mask.bit_count() for mask in masks])
        found.append(
            _case(
                f"{bits} bits, {words}",
                partial(bmp, _words(source, masks), bits, masks=masks, header=108 if alpha else 40),
                shown(np.rint(source * (2**steps - 1)) / (2**steps - 1)),
                chromium_mean=3,
                why="few bits are spread in another way" if bits == 16 else "",
            )
        )
    return found + _runs()


def _runs() -> list[Case]:
    blank = np.zeros((32, 48))
    whole = np.zeros((32, 48, 3))
    whole[..., 1] = 255
    early = whole.copy()
    early[:16] = 0
    short = whole.copy()
    short[:, 24:] = 0
    striped = whole.copy()
    striped[:, ::2] = (255, 0, 0)
    skipped = np.zeros((32, 48, 3))
    skipped[31, :4], skipped[27, 8:12] = (0, 255, 0), (0, 0, 255)
    row, end, stop = bytes((48, 1)), b"\0\0", b"\0\1"
    literal = bytes((0, 48)) + bytes((0, 1)) * 24
    made = [
        ("8-bit runs", 1, (row + end) * 32 + stop, whole),
        ("8-bit runs and literals", 1, (literal + end) * 32 + stop, striped),
        ("8-bit runs that end early", 1, (row + end) * 16 + stop, early),
        ("8-bit runs that stop short in each row", 1, (bytes((24, 1)) + end) * 32 + stop, short),
        ("8-bit runs with a jump", 1, bytes((4, 1)) + b"\0\2\4\4" + bytes((4, 2)) + stop, skipped),
        ("4-bit runs", 2, (bytes((48, 0x01)) + end) * 32 + stop, striped),
    ]
    found = []
    for words, compression, body, right in made:
        bits = 8 if compression == 1 else 4
        colors = _RUN_COLORS.ljust(4 * 2**bits, b"\0")
        make = partial(bmp, blank, bits, compression=compression, body=body, palette=colors)
        found.append(_case(words, make, right))
    runs = found[0].make
    found.append(
        _case("8-bit runs, broken off", lambda: runs()[:-20], RefusedFile("damaged"), mime=None)
    )
    return found


CASES: Final = tuple(_bmps())
