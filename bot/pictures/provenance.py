"""What a picture says of itself, carried from its PNG to the copies that are made of it.

The engine writes it as texts of the PNG (`engine.output.provenance`). A JPEG and a WebP have no
such texts: the packet of XMP goes with them as it is, and the texts as EXIF
(https://www.cipa.jp/std/documents/e/DC-X008-Translation-2019-E.pdf), whose comment holds UTF-16.
"""

from collections.abc import Mapping
from typing import Any

from PIL import Image
from PIL.ExifTags import IFD, Base

XMP = "XML:com.adobe.xmp"
SOFTWARE, DESCRIPTION, SETTINGS = "Software", "Description", "Settings"
_UTF_16 = b"UNICODE\0"
_LONGEST_BYTES = 30_000
"""A segment of a JPEG holds 64 KiB, with all of EXIF in one."""


def said_by(picture: Image.Image) -> Mapping[str, Any]:
    """What a PNG says of itself, as what Pillow saves with a JPEG or a WebP; may be nothing."""
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
