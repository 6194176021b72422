#!/bin/sh
# Pillow 13.0.0: a page of a TIFF that has no color profile keeps, in `info`, that of whichever page was shown before. So
# a gray scan after a color page is saved as a gray PNG with an RGB profile, and cannot be converted by the profile that
# it is said to have. What is told of a page depends on the way to it: a first page without one gets the second's once
# that has been shown. The page's own tags (`tag_v2`) are right.
# Expected: the `info` of the page that is shown. What helps: `image.tag_v2.get(34675)`.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check Pillow==13.0.0
said=$("$folder/venv/bin/python" - <<'PYTHON'
import io

from PIL import Image, ImageCms
from PIL.TiffImagePlugin import AppendingTiffWriter

ICC_PROFILE_TAG = 34675
profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
color, scan = Image.new("RGB", (64, 48), "brown"), Image.new("L", (64, 48), 90)


def tiff(*pages):
    file = io.BytesIO()
    with AppendingTiffWriter(file, new=True) as writer:
        for page, about in pages:
            page.save(writer, "TIFF", **about)
            writer.newFrame()
    return file


def told(image, number):
    image.seek(number)
    return f"page {number + 1}: {'a profile' if 'icc_profile' in image.info else 'none'}"


with Image.open(tiff((color, {"icc_profile": profile}), (scan, {}))) as image:
    print(", ".join(told(image, number) for number in (0, 1)))
    print("  its own tag:", image.tag_v2.get(ICC_PROFILE_TAG))
    saved = io.BytesIO()
    image.save(saved, "PNG")
with Image.open(saved) as image:
    print("  saved as PNG:", image.mode, "with a profile" if "icc_profile" in image.info else "plain")
    given = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
    try:
        ImageCms.profileToProfile(image, given, ImageCms.createProfile("sRGB"))
    except ImageCms.PyCMSError as error:
        print("  converted:", type(error).__name__)
with Image.open(tiff((scan, {}), (color, {"icc_profile": profile}))) as image:
    print(", ".join(told(image, number) for number in (0, 1, 0)))
PYTHON
)
seen="page 1: a profile, page 2: a profile
  its own tag: None
  saved as PNG: L with a profile
  converted: PyCMSError
page 1: none, page 2: a profile, page 1: a profile"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
