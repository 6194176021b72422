"""Detects a file's format from its first bytes, and finds the reader."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module, metadata
from typing import TYPE_CHECKING, Final, TypeAlias

from common.pictures.kinds import DecodeLimits
from common.sentences import Sentence, sentence

if TYPE_CHECKING:  # it needs numpy, which the bot's own process does without
    from common.pictures.raster import Raster

Reader: TypeAlias = "Callable[[bytes, DecodeLimits], Raster]"


VIDEO: Final = "video"


@dataclass(frozen=True)
class Format:
    """A supported format."""

    name: str
    """As Pillow names it."""
    module: str
    """Its module in `common.pictures.readers`."""
    libraries: tuple[str, ...]
    """Packages that decode it."""
    motion: str = ""
    """Its module in `common.clips.readers`, if it may move."""
    mark: bytes = b""
    """Bytes near the beginning of moving files only."""

    @property
    def is_video(self) -> bool:
        """Whether users call it a video, not a picture."""
        return self.module == VIDEO

    @property
    def read(self) -> Reader:
        """The reader; loads its libraries."""
        reader: Reader = import_module(f"common.pictures.readers.{self.module}").read
        return reader

    @property
    def read_with(self) -> str:
        """Its libraries and their versions, for crash reports."""
        return ", ".join(f"{name} {metadata.version(name)}" for name in self.libraries)


FORMATS: Final = {
    each.name: each
    for each in (
        Format("PNG", "png", ("imagecodecs",), "apng", b"acTL"),
        Format("JPEG", "jpeg", ("pillow",)),
        Format("WEBP", "webp", ("pillow",), "webp", b"ANIM"),
        Format("GIF", "gif", ("pillow",), "gif"),
        Format("BMP", "bmp", ("pillow",)),
        Format("TIFF", "tiff", ("tifffile", "imagecodecs", "pillow")),
        Format("AVIF", "avif", ("imagecodecs", "pillow"), "avif", b"avis"),
        Format("HEIF", "heif", ("pillow-heif",)),
        Format("MP4", VIDEO, ("av",), VIDEO),
        Format("MOV", VIDEO, ("av",), VIDEO),
        Format("WEBM", VIDEO, ("av",), VIDEO),
        Format("MKV", VIDEO, ("av",), VIDEO),
    )
}
_MARK_WITHIN_BYTES: Final = 1024 * 1024
"""How far to search for `Format.mark`; a PNG's profile may come before it."""
LATE: Final = frozenset({VIDEO})
"""Readers loaded on first use: FFmpeg is large, and videos are rare."""
_AVIF_BRANDS: Final = {b"avif", b"avis"}
_HEIF_BRANDS: Final = {
    b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1",
}  # fmt: skip
_CAMERA_BRANDS: Final = {b"crx "}
_SOUND_BRANDS: Final = {b"M4A ", b"M4B ", b"M4P "}
_OLD_MOVIES: Final = {b"moov", b"mdat", b"wide"}
MATROSKA: Final = b"\x1aE\xdf\xa3"
_FIRST_BYTES: Final = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
}
_NOT_READ: Final = {
    b"\xff\x0a": sentence("a JPEG XL picture"),
    b"\0\0\0\x0cJXL ": sentence("a JPEG XL picture"),
    b"\0\0\0\x0cjP  ": sentence("a JPEG 2000 picture"),
    b"\xff\x4f\xff\x51": sentence("a JPEG 2000 picture"),
    b"8BPS": sentence("a Photoshop document"),
    b"gimp xcf": sentence("a GIMP document"),
    b"%PDF": sentence("a PDF document"),
    b"<svg": sentence("an SVG drawing"),
    b"<!doctype html": sentence("a web page"),
    b"<html": sentence("a web page"),
    b"<?xml": sentence("an SVG drawing or some other text"),
    b"\0\0\1\0": sentence("an icon"),
    b"v/1\1": sentence("an OpenEXR picture"),
    b"#?RADIANCE": sentence("a Radiance picture"),
    b"qoif": sentence("a QOI picture"),
    b"DDS ": sentence("a DDS texture"),
    b"FUJIFILM": sentence("a camera raw file"),
    b"IIU\0": sentence("a camera raw file"),
    b"OggS": sentence("a video or a sound file"),
    b"ID3": sentence("a sound file"),
    b"fLaC": sentence("a sound file"),
    b"PK\3\4": sentence("a ZIP archive"),
}


def format_of(data: bytes) -> Format | None:
    """The format from the first bytes; None if not supported."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return FORMATS["WEBP"]
    if data[4:8] == b"ftyp":
        return _format_of_boxes(data)
    if data[4:8] in _OLD_MOVIES:
        return FORMATS["MOV"]
    if data.startswith(MATROSKA):
        return FORMATS["WEBM" if b"webm" in data[:64] else "MKV"]
    return next(
        (FORMATS[name] for start, name in _FIRST_BYTES.items() if data.startswith(start)), None
    )


def is_video(data: bytes) -> bool:
    """Whether a file is a supported video, from its first bytes."""
    found = format_of(data)
    return found is not None and found.is_video


def may_move(data: bytes) -> bool:
    """Whether a file may have more than one frame, by a quick check."""
    found = format_of(data)
    if found is None or not found.motion:
        return False
    return data.find(found.mark, 0, _MARK_WITHIN_BYTES) >= 0


def _format_of_boxes(data: bytes) -> Format | None:
    length = min(max(16, int.from_bytes(data[:4], "big")), 256)
    brands = [data[8:12], *(data[at : at + 4] for at in range(16, length, 4))]
    # Some files have both `mif1` and `avif` brands; AVIF takes precedence.
    if _AVIF_BRANDS & set(brands):
        return FORMATS["AVIF"]
    if _HEIF_BRANDS & set(brands):
        return FORMATS["HEIF"]
    if brands[0] in _CAMERA_BRANDS | _SOUND_BRANDS:
        return None
    return FORMATS["MOV" if brands[0] == b"qt  " else "MP4"]


def kind_of(data: bytes) -> Sentence | None:
    """The kind of an unsupported file, if its first bytes tell."""
    if data[4:8] == b"ftyp":
        is_raw = data[8:12] in _CAMERA_BRANDS
        return sentence("a camera raw file") if is_raw else sentence("a sound file")
    if data[:4] == b"RIFF":
        return {b"WAVE": sentence("a sound file"), b"AVI ": sentence("an AVI video")}.get(
            data[8:12]
        )
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:1] == b"<":
        start = start.lower()
    return next((kind for first, kind in _NOT_READ.items() if start.startswith(first)), None)
