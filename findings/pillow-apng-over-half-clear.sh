#!/bin/sh
# Pillow 13.0.0 lays frames of an animated PNG over each other as if alpha were a color: where a frame of
# blend 1 (OVER) is half clear, its second frame has a hole in what was opaque, and on nothing it is half as
# dark and half as clear as it was written. FFmpeg (PyAV 18.1.0) and OpenCV 5.0.0.93 compose as PNG's
# specification says (third edition, 13.16). Expected: the same pixels from all three.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    Pillow==13.0.0 av==18.1.0 opencv-python-headless==5.0.0.93 numpy==2.4.6
said=$(cd "$folder" && "$folder/venv/bin/python" - <<'PYTHON'
import struct, zlib
import av, cv2
from PIL import Image


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def pixels(color):
    return zlib.compress((b"\0" + bytes(color) * 8) * 8)


def control(number, blend):
    return chunk(b"fcTL", struct.pack(">5I2H2B", number, 8, 8, 0, 0, 1, 10, 0, blend))


second = (20, 20, 200, 128)
for name, first in (("on red", (255, 0, 0, 255)), ("on nothing", (0, 0, 0, 0))):
    with open("two.png", "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">2I5B", 8, 8, 8, 6, 0, 0, 0)))
        file.write(chunk(b"acTL", struct.pack(">2I", 2, 0)))
        file.write(control(0, 0) + chunk(b"IDAT", pixels(first)))
        file.write(control(1, 1) + chunk(b"fdAT", struct.pack(">I", 2) + pixels(second)))
        file.write(chunk(b"IEND", b""))
    image = Image.open("two.png")
    image.seek(1)
    with av.open("two.png") as container:
        ffmpeg = [frame.to_ndarray(format="rgba") for frame in container.decode(video=0)][1]
    opencv = cv2.cvtColor(cv2.imreadanimation("two.png")[1].frames[1], cv2.COLOR_BGRA2RGBA)
    print(name, "Pillow", *image.convert("RGBA").getpixel((4, 4)))
    print(name, "FFmpeg", *ffmpeg[4, 4])
    print(name, "OpenCV", *opencv[4, 4])
PYTHON
)
seen="on red Pillow 137 10 100 191
on red FFmpeg 137 10 100 255
on red OpenCV 137 10 100 255
on nothing Pillow 10 10 100 64
on nothing FFmpeg 20 20 200 128
on nothing OpenCV 20 20 200 128"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
