"""Boxes of ISO base media files (HEIF, AVIF): properties of the main picture."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from common.pictures.raster import Coded, Color, Profiled, Srgb

_TURNS = {0: 1, 1: 8, 2: 3, 3: 6}  # counter-clockwise, as Exif counts
_MIRRORS = {0: 4, 1: 2}
_VIDEO = {1, 6, 14, 15}
_SRGB_TRANSFER = 13


@dataclass(frozen=True)
class MainPicture:
    """Properties of a file's primary item."""

    size: tuple[int, int] | None
    """Width and height before rotation; None if unknown."""
    orientation: int
    """As in Exif."""
    color: Color
    """The profile if there is one, else the code points."""
    bits: int | None
    """Of each channel; None if unknown."""


def main_picture(data: bytes) -> MainPicture:
    """Read the boxes of a file; invalid ones are ignored."""
    try:
        properties = dict(_properties(data))
    except (struct.error, IndexError):
        properties = {}
    size = None
    if len(ispe := properties.get("ispe", b"")) >= 12:
        width, height = struct.unpack_from(">II", ispe, 4)
        size = (width, height)
    return MainPicture(size, _orientation(properties), _color(properties), _bits(properties, data))


def code_points(primaries: int, transfer: int, peak_nits: float | None) -> Color:
    """The color of code points in a video or a picture.

    The transfer functions of video are treated as sRGB, as Chromium does and cameras mean.
    """
    if primaries == 2 and transfer == 2:
        return Srgb()
    if transfer in _VIDEO or transfer == 2:
        transfer = _SRGB_TRANSFER
    return Coded(primaries, transfer, peak_nits)


def _color(properties: dict[str, bytes]) -> Color:
    if profile := properties.get("colr.prof"):
        return Profiled(profile)
    if len(nclx := properties.get("colr.nclx", b"")) >= 4:
        level = properties.get("clli", b"")
        peak = float(struct.unpack_from(">H", level)[0]) if len(level) >= 4 else 0.0
        primaries, transfer = struct.unpack_from(">HH", nclx)
        return code_points(primaries, transfer, peak or None)
    return Srgb()


def _bits(properties: dict[str, bytes], data: bytes) -> int | None:
    if len(pixi := properties.get("pixi", b"")) > 5:
        return pixi[5]
    at = data.find(b"av1C")  # of a grid's tiles or a sequence's track
    av1c = properties.get("av1C", data[at + 4 : at + 8] if at >= 0 else b"")
    if len(av1c) < 3:
        return None
    return {0: 8, 2: 10, 3: 12}.get(av1c[2] >> 5 & 3)


def _orientation(properties: dict[str, bytes]) -> int:
    turn = _TURNS[properties["irot"][0] & 3] if properties.get("irot") else 1
    if not properties.get("imir"):
        return turn
    # Rotation, then mirroring, as one Exif orientation.
    mirror = _MIRRORS[properties["imir"][0] & 1]
    both = {
        2: {1: 2, 3: 4, 6: 5, 8: 7},
        4: {1: 4, 3: 2, 6: 7, 8: 5},
    }
    return both[mirror][turn]


def _properties(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Properties of the primary item, in the order of the property table."""
    meta = next((body for kind, body in _boxes(data) if kind == b"meta"), b"")[4:]
    inner = dict(_boxes(meta))
    pitm = inner.get(b"pitm", b"")
    primary = struct.unpack_from(">I" if pitm[:1] == b"\1" else ">H", pitm, 4)[0]
    iprp = dict(_boxes(inner.get(b"iprp", b"")))
    table = list(_boxes(iprp.get(b"ipco", b"")))
    for index in _associated(iprp.get(b"ipma", b""), primary):
        if not 0 < index <= len(table):
            continue
        kind, body = table[index - 1]
        name = kind.decode("latin-1")
        if name == "colr":
            sort = body[:4].decode("latin-1")
            yield "colr." + ("prof" if sort in {"prof", "rICC"} else sort), body[4:]
        else:
            yield name, body


def _associated(ipma: bytes, item: int) -> list[int]:
    if len(ipma) < 8:
        return []
    version, flags = ipma[0], ipma[3]
    (count,) = struct.unpack_from(">I", ipma, 4)
    at = 8
    for _ in range(count):
        (found,) = struct.unpack_from(">H" if version == 0 else ">I", ipma, at)
        at += 2 if version == 0 else 4
        length = ipma[at]
        at += 1
        wide = bool(flags & 1)
        numbers = struct.unpack_from(f">{length}{'H' if wide else 'B'}", ipma, at)
        at += length * (2 if wide else 1)
        if found == item:
            return [number & (0x7FFF if wide else 0x7F) for number in numbers]
    return []


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if length == 1 and at + 16 <= len(data):
            (length,) = struct.unpack_from(">Q", data, at + 8)
            start = at + 16
        if length == 0:
            length = len(data) - at
        if length < start - at:
            return
        yield kind, data[start : at + length]
        at += length
