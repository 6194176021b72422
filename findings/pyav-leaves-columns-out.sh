#!/bin/sh
# PyAV 18.1.0 (FFmpeg 8.1.2) on x86: `to_ndarray(format="rgba")` of a frame in yuv420p, which most films have, leaves
# the last one to four columns as memory happened to be where the width is 1 to 4 more than a multiple of 16, as 500
# and 1922 are: not the film's colors, and often clear. So do yuva420p, as films with alpha have it, and yuv422p; BGRA
# does, too, planar RGB (gbrp) leaves out up to eight columns, and RGB of 16 bits the last one of odd widths.
# Expected: what `format="rgb24"` gives, which is right at each width. What helps: rgb24, and alpha from its plane.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6
said=$("$folder/venv/bin/python" - 2>/dev/null <<'PYTHON'
import av
import numpy

ROWS = 16


def missing(kind, width):
    """How many columns differ from the others at most, in frames of one color each."""
    found = 0
    for level in range(40, 200, 8):  # what is in memory may happen to be right
        color = numpy.full((ROWS, width, 3), (level, 90, 240 - level), "uint8")
        frame = av.VideoFrame.from_ndarray(color, format="rgb24").reformat(format="yuv420p", threads=1)
        made = frame.reformat(format=kind, threads=1)
        for plane in made.planes:
            rows = numpy.frombuffer(plane, "uint8").reshape(-1, plane.line_size)
            pixel = {"rgb24": 3, "rgba": 4, "bgra": 4, "rgb48le": 6, "gbrp": 1}[kind]
            pixels = rows[:ROWS, : width * pixel].reshape(ROWS, width, pixel)
            wrong = (pixels != pixels[:, :1]).any(axis=(0, 2))
            found = max(found, width - int(wrong.argmax()) if wrong.any() else 0)
    return found


for kind in ("rgb24", "rgba", "bgra", "gbrp", "rgb48le"):
    counts = {width: missing(kind, width) for width in range(64, 81)}
    print(f"{kind}:", " ".join(f"{width}-{count}" for width, count in counts.items() if count) or "whole")
PYTHON
)
seen="rgb24: whole
rgba: 65-1 66-2 67-3 68-4
bgra: 65-1 66-2 67-3 68-4
gbrp: 65-1 66-2 67-3 68-4 69-5 70-6 71-7 72-8
rgb48le: 65-1 67-1 69-1 71-1 73-1 75-1 77-1 79-1"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
