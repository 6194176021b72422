#!/bin/sh
# OpenCV 5.0.0: a photograph that `imdecodeWithMetadata` reads and `imencodeWithMetadata` writes with what was read lies
# on its side: the pixels have been turned upright, as `imread` does it, and the Exif returned with them still says to
# turn them. `IMREAD_UNCHANGED` turns neither. Of an AVIF the color profile and the XMP are not read, and its own
# rotation is neither carried out nor told; an XMP that is written into a JPEG has no header, so that no reader finds
# it.
# Expected: what is read and written again looks the same. What helps: orientation 1 in the Exif, and Pillow for AVIF.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check opencv-python-headless==5.0.0.93 Pillow==13.0.0 \
    numpy==2.4.6
said=$("$folder/venv/bin/python" - <<'PYTHON'
import io

import cv2
import numpy
from PIL import Image, ImageCms, ImageOps

NAMES = {cv2.IMAGE_METADATA_EXIF: "Exif", cv2.IMAGE_METADATA_XMP: "XMP", cv2.IMAGE_METADATA_ICCP: "profile"}
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"></x:xmpmeta>'
profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
pixels = numpy.zeros((20, 30, 3), "uint8")
pixels[:10] = 200
exif = Image.Exif()
exif[0x0112] = 6  # to be turned: 20 x 30
exif[0x010E] = "a tower"


def shown(file):
    return "{} x {}".format(*ImageOps.exif_transpose(Image.open(io.BytesIO(file))).size)


for kind in ("jpeg", "png", "webp", "avif"):
    file = io.BytesIO()
    more = {} if kind == "png" else {"xmp": XMP}
    Image.fromarray(pixels).save(file, kind, exif=exif.tobytes(), icc_profile=profile, **more)
    told = [f"{kind}: {shown(file.getvalue())}"]
    for way, flags in (("color", cv2.IMREAD_COLOR), ("unchanged", cv2.IMREAD_UNCHANGED)):
        given = numpy.frombuffer(file.getvalue(), "uint8")
        picture, kinds, pieces = cv2.imdecodeWithMetadata(given, flags)
        pieces = [numpy.frombuffer(one.tobytes(), "uint8") for one in pieces]
        _, again = cv2.imencodeWithMetadata(f".{kind}", picture, list(kinds), pieces)
        told.append(f"{way} again {shown(again.tobytes())}")
    told.append("read " + " ".join(NAMES[int(one)] for one in kinds))
    if kind != "png":  # whose texts Pillow names otherwise
        xmp = [numpy.frombuffer(XMP, "uint8")]
        _, made = cv2.imencodeWithMetadata(f".{kind}", pixels, [cv2.IMAGE_METADATA_XMP], xmp)
        told.append("XMP " + ("written" if Image.open(io.BytesIO(made.tobytes())).info.get("xmp") == XMP else "lost"))
    print(", ".join(told))
PYTHON
)
seen="jpeg: 20 x 30, color again 30 x 20, unchanged again 20 x 30, read Exif XMP profile, XMP lost
png: 20 x 30, color again 30 x 20, unchanged again 20 x 30, read Exif profile
webp: 20 x 30, color again 30 x 20, unchanged again 20 x 30, read Exif XMP profile, XMP written
avif: 20 x 30, color again 30 x 20, unchanged again 30 x 20, read Exif, XMP written"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
