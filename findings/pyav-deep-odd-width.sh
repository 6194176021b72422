#!/bin/sh
# PyAV 18.1.0 (FFmpeg 8.1.2): a frame of 10, 12 or 16 bits in 4:2:0, as HDR films have them, that becomes RGB of 16
# bits of an odd width has the wrong colors in all rows but the first: its green is 0. AV1 and VP9 have odd widths, and
# a film whose pixels are not square may get one. It is swscale's bilinear filter, which PyAV takes by itself; where
# the width is odd it interpolates color across, too, and overflows. Expected: the colors of an even width.
# What helps: `interpolation="BICUBIC"`, or RGB of 8 bits.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6
said=$("$folder/venv/bin/python" - 2>/dev/null <<'PYTHON'
import av
import numpy


def frame(width):
    """Skin all over: Y, Cb and Cr of 10 bits."""
    made = av.VideoFrame(width, 16, "yuv420p10le")
    for plane, level in zip(made.planes, (600, 460, 580)):
        plane.update(numpy.full(plane.buffer_size // 2, level, "<u2").tobytes())
    return made


for width in (64, 65):
    for kind, white in (("rgb24", 255), ("rgb48le", 65535)):
        for filtered in (None, "BICUBIC"):
            pixels = frame(width).to_ndarray(format=kind, interpolation=filtered)
            rows = [numpy.rint(pixels[row, width // 2] * (255 / white)).astype(int) for row in (0, 8)]
            print(f"{width} px to {kind}, {filtered or 'as it is'}:", *rows[0], "and below", *rows[1])
PYTHON
)
seen="64 px to rgb24, as it is: 181 146 129 and below 181 146 129
64 px to rgb24, BICUBIC: 181 146 129 and below 181 146 129
64 px to rgb48le, as it is: 182 147 129 and below 182 147 129
64 px to rgb48le, BICUBIC: 182 147 129 and below 182 147 129
65 px to rgb24, as it is: 183 147 130 and below 183 147 130
65 px to rgb24, BICUBIC: 183 147 130 and below 183 147 130
65 px to rgb48le, as it is: 182 147 129 and below 182 0 138
65 px to rgb48le, BICUBIC: 182 147 129 and below 182 147 129"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
