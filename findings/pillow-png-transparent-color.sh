#!/bin/sh
# Pillow 13.0.0 shows what a gray PNG of 2 or 4 bits makes transparent (tRNS) as opaque: it spreads the samples over
# 8 bits and looks for the color as it stands in the file. Of RGB with 16 bits it compares a pixel's upper 8 with the
# color's lower 8, so that another color vanishes. FFmpeg (PyAV 18.1.0) leaves gray of 1, 2 and 4 bits opaque.
# Expected (PNG, third edition, 11.3.1.1): a pixel is transparent where it equals that color in all its bits, as
# libpng (imagecodecs 2026.3.6) has it; Pillow does so, too, for gray of 1 and 8 bits.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check Pillow==13.0.0 av==18.1.0 \
    imagecodecs==2026.3.6 numpy==2.4.6
said=$("$folder/venv/bin/python" - <<'PYTHON'
import io
import struct
import zlib

import av
import imagecodecs
import numpy
from PIL import Image

GRAY, RGB = 0, 2


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(bits, kind, row, key):
    """One row of two pixels, of which the first has the color that is transparent."""
    parts = (
        chunk(b"IHDR", struct.pack(">2I5B", 2, 1, bits, kind, 0, 0, 0)),
        chunk(b"tRNS", struct.pack(f">{len(key)}H", *key)),
        chunk(b"IDAT", zlib.compress(b"\0" + row)),
        chunk(b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


dark, bright = (0x1030, 0x1050, 0x1070), (0x3000, 0x5000, 0x7000)
for name, file in (
    ("gray 1", png(1, GRAY, bytes([0b10_000000]), [1])),
    ("gray 2", png(2, GRAY, bytes([0b10_01_0000]), [2])),
    ("gray 4", png(4, GRAY, bytes([0xA3]), [10])),
    ("gray 8", png(8, GRAY, bytes([10, 3]), [10])),
    ("RGB 8", png(8, RGB, bytes([1, 2, 3, 1, 2, 4]), [1, 2, 3])),
    ("RGB 16", png(16, RGB, struct.pack(">6H", *dark, *bright), dark)),
):
    pillow = numpy.asarray(Image.open(io.BytesIO(file)).convert("RGBA"))
    with av.open(io.BytesIO(file), format="png_pipe") as container:
        ffmpeg = next(container.decode(video=0)).to_ndarray(format="rgba")
    libpng = imagecodecs.png_decode(file)
    found = (
        " ".join("clear" if pixel[-1] == 0 else "opaque" for pixel in pixels[0])
        for pixels in (pillow, ffmpeg, libpng)
    )
    print(f"{name}: " + ", ".join(f"{who} {what}" for who, what in zip(("Pillow", "FFmpeg", "libpng"), found)))
PYTHON
)
seen="gray 1: Pillow clear opaque, FFmpeg opaque opaque, libpng clear opaque
gray 2: Pillow opaque opaque, FFmpeg opaque opaque, libpng clear opaque
gray 4: Pillow opaque opaque, FFmpeg opaque opaque, libpng clear opaque
gray 8: Pillow clear opaque, FFmpeg clear opaque, libpng clear opaque
RGB 8: Pillow clear opaque, FFmpeg clear opaque, libpng clear opaque
RGB 16: Pillow opaque clear, FFmpeg clear opaque, libpng clear opaque"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
