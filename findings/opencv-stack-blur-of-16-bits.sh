#!/bin/sh
# OpenCV 5.0.0: `stackBlur` of pictures of 16 bits, for which it is documented, overflows: a flat, bright picture comes
# out a third darker but for a few columns, with kernels as small as 5, and nearly black with large ones (2,783 in place
# of 60,000 with 101); in real pictures what is bright becomes dark, with edges around it. Signed 16 bits do so, too,
# and become negative, and 12 bits with kernels of over 101. 8 bits and floats are right, and so are `GaussianBlur` and
# `blur`.
# Expected: the flat picture as it was. What helps: floats.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check opencv-python-headless==5.0.0.93 \
    numpy==2.4.6
said=$("$folder/venv/bin/python" - <<'PYTHON'
import cv2
import numpy

for side in (128, 125):
    for level, kind in ((60_000, "uint16"), (30_000, "int16"), (60_000, "float32"), (234, "uint8")):
        flat = numpy.full((side, side), level, kind)
        told = []
        for kernel in (3, 5, 9, 15, 31, 51, 101):
            found = cv2.stackBlur(flat, (kernel, kernel))
            least, most = (int(numpy.rint(value)) for value in (found.min(), found.max()))
            told.append(f"{kernel}: {least}" if least == most else f"{kernel}: {least} to {most}")
        print(f"{side} x {side}, all {level}, {kind} by {', '.join(told)}")
PYTHON
)
seen="128 x 128, all 60000, uint16 by 3: 60000, 5: 42007 to 60117, 9: 38288 to 60058, 15: 60000, 31: 27232, 51: 10880, 101: 2783
128 x 128, all 30000, int16 by 3: 30000, 5: 21003 to 30058, 9: 19143 to 30029, 15: 30000, 31: -2768, 51: -2752, 101: 1391
128 x 128, all 60000, float32 by 3: 60000, 5: 60000, 9: 60000, 15: 60000, 31: 60000, 51: 60000, 101: 60000
128 x 128, all 234, uint8 by 3: 234, 5: 234, 9: 234, 15: 234, 31: 234, 51: 234, 101: 234
125 x 125, all 60000, uint16 by 3: 60000, 5: 41926 to 60117, 9: 38251 to 60058, 15: 60000, 31: 27232 to 60000, 51: 10880 to 60000, 101: 2783 to 60000
125 x 125, all 30000, int16 by 3: 30000, 5: 20963 to 30058, 9: 19125 to 30029, 15: 30000, 31: -2768 to 30000, 51: -2752 to 30000, 101: 1391 to 30000
125 x 125, all 60000, float32 by 3: 60000, 5: 60000, 9: 60000, 15: 60000, 31: 60000, 51: 60000, 101: 60000
125 x 125, all 234, uint8 by 3: 234, 5: 234, 9: 234, 15: 234, 31: 234, 51: 234, 101: 234"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
