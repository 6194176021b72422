"""Reads the orientation from an Exif block, and nothing else.

Libraries parse all entries and fail at the first damaged one; viewers read only what they need.
"""

import struct

_ORIENTATION = 0x0112
_SHORT = 3
_ENTRY_BYTES = 12


def orientation_of(block: bytes | None) -> int:
    r"""The orientation, 1 to 8; 1 if there is no valid one.

    As in Chromium: the first entry of the first directory that is one unsigned short of 1 to 8. The
    block begins with the header of TIFF, optionally preceded by `Exif\0\0`.
    """
    if not block:
        return 1
    block = block.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None or len(block) < 8:
        return 1
    (start,) = struct.unpack_from(order + "I", block, 4)
    if start + 2 > len(block):
        return 1
    (count,) = struct.unpack_from(order + "H", block, start)
    for number in range(count):
        at = start + 2 + number * _ENTRY_BYTES
        if at + _ENTRY_BYTES > len(block):
            break
        tag, kind, values, value = struct.unpack_from(order + "HHIH", block, at)
        if (tag, kind, values) == (_ORIENTATION, _SHORT, 1) and 1 <= value <= 8:
            return int(value)
    return 1
