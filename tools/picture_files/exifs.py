"""Exif, by hand: orientations, also beside entries that are broken."""

import struct
from collections.abc import Callable
from typing import Final

from tools.picture_files.case import Array


def exif_with(*entries: tuple[int, int, int, bytes]) -> bytes:
    """A block of Exif, big-endian, of tag, type, count and value."""
    base, table, data = 8 + 2 + 12 * len(entries) + 4, struct.pack(">H", len(entries)), b""
    for tag, sort, count, value in entries:
        table += struct.pack(">HHI", tag, sort, count)
        if len(value) <= 4:
            table += value.ljust(4, b"\0")
        else:
            table += struct.pack(">I", base + len(data))
            data += value
    return b"MM\0*" + struct.pack(">I", 8) + table + bytes(4) + data


def orientation(value: int, sort: int = 3, count: int = 1) -> tuple[int, int, int, bytes]:
    """The entry, of type SHORT unless told otherwise."""
    packs: dict[int, Callable[[], bytes]] = {
        3: lambda: struct.pack(">H", value),
        8: lambda: struct.pack(">h", value),
        4: lambda: struct.pack(">I", value),
        2: lambda: str(value).encode() + b"\0",
    }
    return (0x0112, sort, count, packs[sort]())


BAD_RESOLUTION: Final = (0x011A, 10, 1, struct.pack(">2i", -1, 0))
HUGE_TEXT: Final = (0x010F, 2, 0xFFFFFFFF, b"abcd")
UNKNOWN_TYPE: Final = (0x010E, 99, 1, b"abcd")
EXIFS: Final = [
    ("orientation 6", (orientation(6),), 6),
    ("orientation 3 beside a resolution of -1/0", (orientation(3), BAD_RESOLUTION), 3),
    ("orientation 8 behind a text without end", (HUGE_TEXT, orientation(8)), 8),
    ("orientation 5 behind an unknown type", (UNKNOWN_TYPE, orientation(5)), 5),
    ("orientation as a signed number, ignored", (orientation(6, 8),), 1),
    ("orientation as text, ignored", (orientation(6, 2, 2),), 1),
    ("orientation 9, ignored", (orientation(9),), 1),
    ("orientation 0 and then 6", (orientation(0), orientation(6)), 6),
]


def turned(levels: Array, orientation: int) -> Array:
    """How a viewer turns a picture."""
    if orientation >= 5:
        levels = levels.swapaxes(0, 1)
    across = orientation in {2, 3, 6, 7}
    down = orientation in {3, 4, 7, 8}
    levels = levels[::-1] if down else levels
    return levels[:, ::-1] if across else levels
