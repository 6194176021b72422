"""Copies a picture's provenance metadata from its PNG to the JPEG or WebP made of it.

The engine writes it as PNG text chunks (`engine.output.provenance`). JPEG and WebP have none, so
the XMP packet is copied as it is, and the texts go into EXIF
(https://www.cipa.jp/std/documents/e/DC-X008-Translation-2019-E.pdf), whose user comment is UTF-16.
"""

from collections.abc import Mapping
from typing import Any

from PIL import Image
from PIL.ExifTags import IFD, Base

XMP = "XML:com.adobe.xmp"
SOFTWARE, DESCRIPTION, SETTINGS = "Software", "Description", "Settings"
_UTF_16 = b"UNICODE\0"
_LONGEST_BYTES = 30_000
"""A JPEG segment holds 64 KiB, with all of EXIF in one."""


def said_by(picture: Image.Image) -> Mapping[str, Any]:
    """The metadata of a PNG as `save` arguments of Pillow for a JPEG or WebP; may be empty."""
    texts: Mapping[str, str] = getattr(picture, "text", {})
    said: dict[str, Any] = {}
    if XMP in texts:
        said["xmp"] = str(texts[XMP]).encode()
    exif = Image.Exif()
    for tag, name in ((Base.Software, SOFTWARE), (Base.ImageDescription, DESCRIPTION)):
        if name in texts:
            exif[tag] = str(texts[name])
    if SETTINGS in texts:
        comment = str(texts[SETTINGS]).encode("utf-16-be")[:_LONGEST_BYTES]
        exif.get_ifd(IFD.Exif)[Base.UserComment] = _UTF_16 + comment
    if len(exif) or exif.get_ifd(IFD.Exif):
        said["exif"] = exif.tobytes()
    return said
