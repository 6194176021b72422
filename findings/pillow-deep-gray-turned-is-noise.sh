#!/bin/sh
# Pillow 13.0.0: gray of 16 bits (mode I;16, as a 16-bit PNG is opened) is noise below 256 of 65535 after `rotate` or
# `transform` with BILINEAR or BICUBIC: these take its bytes for pixels of 8 bits, and so read the left half of each
# row alone. NEAREST is right, and so is `resize`. Gray of a big-endian TIFF (I;16B) is noise after `resize` and
# `thumbnail`, too, with each filter but NEAREST, and `convert("I;16")` clips it to 255. Nothing is said, where other
# operations refuse these modes ("image has wrong mode"). In its issue 1127, now closed, a perspective came out black.
# Expected: the same brightness as from mode I, or a refusal. What helps: `convert("I")` before.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check Pillow==13.0.0 tifffile==2026.3.3 numpy==2.4.6
said=$("$folder/venv/bin/python" - <<'PYTHON'
import io

import numpy
import tifffile
from PIL import Image
from PIL.Image import Resampling, Transform

down, across = numpy.mgrid[0:40, 0:60]
samples = (20_000 + 60 * across + 30 * down).astype("uint16")  # a bright slope
png, tiff = io.BytesIO(), io.BytesIO()
Image.fromarray(samples).save(png, "PNG")
tifffile.imwrite(tiff, samples, byteorder=">", photometric="minisblack", metadata=None)
pictures = [Image.open(png), Image.open(tiff)]


def small(picture, kind):
    made = picture.copy()
    made.thumbnail((20, 20), kind)
    return made


ways = {
    "as it is": lambda picture, kind: picture,
    "resize": lambda picture, kind: picture.resize((33, 23), kind),
    "thumbnail": small,
    "rotate": lambda picture, kind: picture.rotate(10, kind, expand=True),
    "transform": lambda picture, kind: picture.transform((30, 20), Transform.EXTENT, (0, 0, 60, 40), kind),
    "convert to I;16": lambda picture, kind: picture.convert("I;16"),
}
alike = ("as it is", "convert to I;16")  # whatever the filter
for name, way in ways.items():
    for kind in (Resampling.NEAREST, Resampling.BILINEAR, Resampling.BICUBIC)[: 1 if name in alike else 3]:
        told = []
        for picture in pictures:
            found, wanted = (numpy.asarray(way(one, kind)).astype(int) for one in (picture, picture.convert("I")))
            rows, columns = (slice(side // 3, 2 * side // 3) for side in found.shape)  # without the corners
            found, wanted = found[rows, columns], wanted[rows, columns]
            what = "right" if abs(found - wanted).max() <= 100 else "below 256" if found.max() < 256 else "wrong"
            told.append(f"{picture.mode} {what}")
        print(f"{name}{'' if name in alike else f', {kind.name}'}:", ", ".join(told))
PYTHON
)
seen="as it is: I;16 right, I;16B right
resize, NEAREST: I;16 right, I;16B right
resize, BILINEAR: I;16 right, I;16B wrong
resize, BICUBIC: I;16 right, I;16B wrong
thumbnail, NEAREST: I;16 right, I;16B right
thumbnail, BILINEAR: I;16 right, I;16B wrong
thumbnail, BICUBIC: I;16 right, I;16B wrong
rotate, NEAREST: I;16 right, I;16B right
rotate, BILINEAR: I;16 below 256, I;16B wrong
rotate, BICUBIC: I;16 below 256, I;16B wrong
transform, NEAREST: I;16 right, I;16B right
transform, BILINEAR: I;16 below 256, I;16B wrong
transform, BICUBIC: I;16 below 256, I;16B wrong
convert to I;16: I;16 right, I;16B below 256"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
