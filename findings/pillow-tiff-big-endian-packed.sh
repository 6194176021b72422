#!/bin/sh
# Pillow 13.0.0 reads gray of 16 or 32 bits with a sign, and of floats, with its bytes swapped from a TIFF that is
# big-endian and compressed: a white of 1.0 is 4.6e-41. libtiff, which unpacks it, has put the bytes into the
# machine's order already, and Pillow swaps them again; only for 16 bits without a sign does it know that.
# Expected: the same samples as from the uncompressed file and from the little-endian one, which Pillow reads
# right. tifffile 2026.3.3 and OpenCV 5.0.0.93 read all of them right.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check Pillow==13.0.0 tifffile==2026.3.3 \
    imagecodecs==2026.3.6 opencv-python-headless==5.0.0.93 numpy==2.4.6
said=$("$folder/venv/bin/python" - <<'PYTHON'
import io

import cv2
import numpy
import tifffile
from PIL import Image


def judge(read, samples):
    return "right" if (numpy.asarray(read) == samples).all() else f"wrong, {numpy.ravel(read)[1]:.2g}"


for kind, white in (("uint16", 1000), ("int16", 1000), ("int32", 1000), ("float32", 1.0)):
    samples = numpy.array([[0, white], [white, 0]], kind)
    for compression in (None, "lzw", "zlib"):
        for order in "<>":
            file = io.BytesIO()
            tifffile.imwrite(
                file, samples, photometric="minisblack", byteorder=order, compression=compression, metadata=None
            )
            pillow = judge(Image.open(file), samples)
            others = (
                tifffile.imread(io.BytesIO(file.getvalue())),
                cv2.imdecode(numpy.frombuffer(file.getvalue(), "uint8"), cv2.IMREAD_UNCHANGED),
            )
            assert all(judge(other, samples) == "right" for other in others)
            if pillow != "right" or order == ">":
                print(kind, order, compression, pillow)
PYTHON
)
seen="uint16 > None right
uint16 > lzw right
uint16 > zlib right
int16 > None right
int16 > lzw wrong, -6.1e+03
int16 > zlib wrong, -6.1e+03
int32 > None right
int32 > lzw wrong, -4e+08
int32 > zlib wrong, -4e+08
float32 > None right
float32 > lzw wrong, 4.6e-41
float32 > zlib wrong, 4.6e-41"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
