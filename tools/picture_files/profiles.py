"""ICC profiles, by hand: as small as they may be."""

import struct
from typing import Final

_SRGB: Final = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
_P3: Final = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))
_WHITE: Final = (0.9642, 1.0, 0.8249)


def rgb_profile(exponent: float, *, wide: bool = False) -> bytes:
    """RGB with a power function, and the primaries of sRGB or of Display P3."""
    curve = _curve(exponent)
    matrix = _P3 if wide else _SRGB
    columns = [
        (name + b"XYZ", _xyz(each)) for name, each in zip((b"r", b"g", b"b"), matrix, strict=True)
    ]
    curves = [(name + b"TRC", curve) for name in (b"r", b"g", b"b")]
    return _profile(b"mntr", b"RGB ", b"XYZ ", [*columns, *curves])


def gray_profile() -> bytes:
    """Linear gray."""
    return _profile(b"mntr", b"GRAY", b"XYZ ", [(b"kTRC", _curve(1.0))])


def cmyk_profile(cyan: tuple[float, float, float] | None = None) -> bytes:
    """CMYK whose cyan, magenta and yellow darken L alike and whose black darkens it twice.

    Cyan alone may have a color, in CIELab.
    """
    grid = bytearray()
    for at in range(16):
        c, m, y, k = (at >> 3) & 1, (at >> 2) & 1, (at >> 1) & 1, at & 1
        grid += bytes([max(0, 255 - 51 * (c + m + y) - 102 * k), 128, 128])
    if cyan is not None:
        grid[8 * 3 : 9 * 3] = round(cyan[0] * 2.55), round(cyan[1] + 128), round(cyan[2] + 128)
    ramp = bytes(range(256))
    identity = b"".join(_s15(1.0 if at % 4 == 0 else 0.0) for at in range(9))
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + identity + ramp * 4 + bytes(grid) + ramp * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", [(b"A2B0", lut)])


def lab_profile() -> bytes:
    """A profile of a color space that no picture file has pixels in."""
    return _profile(b"spac", b"Lab ", b"Lab ", [])


def _profile(sort: bytes, space: bytes, pcs: bytes, tags: list[tuple[bytes, bytes]]) -> bytes:
    text = b"desc" + bytes(4) + struct.pack(">I", 2) + b"x\0" + bytes(78)
    tags = [(b"desc", text), (b"wtpt", _xyz(_WHITE)), *tags, (b"cprt", b"text\0\0\0\0x\0\0\0")]
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags:
        padded = data + bytes(-len(data) % 4)
        table += name + struct.pack(">II", start + len(body), len(data))
        body += padded
    head = struct.pack(">I4sI4s4s4s", start + len(body), bytes(4), 0x02400000, sort, space, pcs)
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    head += b"".join(_s15(value) for value in _WHITE)
    return head.ljust(128, b"\0") + table + body


def _curve(exponent: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(exponent * 256))


def _xyz(values: tuple[float, float, float]) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(_s15(value) for value in values)


def _s15(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))
