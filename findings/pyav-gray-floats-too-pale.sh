#!/bin/sh
# PyAV 18.1.0 (FFmpeg 8.1.2): a frame in RGB, planar RGB or limited-range YUV, as nearly every film has it, becomes too
# pale in grays of float (`grayf32le`, which optical flow and networks take): black is 16/255 and white 235/255, as if
# floats had a limited range. `gray` and `gray16le` of the same frame have black at 0 and white at 1, and so have RGB
# floats. Only full-range YUV and grays become right floats.
# Expected: the same brightness in each format. What helps: `gray16le`, divided by 65535.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6
said=$("$folder/venv/bin/python" - <<'PYTHON'
import av
import numpy

levels = numpy.repeat(numpy.array([[0, 128, 255]], "uint8"), 64, axis=1)  # black, gray, white
picture = numpy.repeat(numpy.repeat(levels, 16, axis=0)[..., None], 3, axis=2)
WHITE = {"gray": 255, "gray16le": 65535, "grayf32le": 1, "gbrpf32le": 1}


def brightness(frame, kind):
    made = frame.to_ndarray(format=kind)
    row = (made[..., 0] if made.ndim == 3 else made)[8]
    return " ".join(f"{row[place] / WHITE[kind]:.2f}" for place in (32, 96, 160))


given = av.VideoFrame.from_ndarray(numpy.ascontiguousarray(picture), format="rgb24")
for source in ("rgb24", "gbrp", "yuv420p", "yuv444p10le", "nv12", "yuvj420p", "gray"):
    frame = given.reformat(format=source)
    print(f"{source}:", ", ".join(f"{kind} {brightness(frame, kind)}" for kind in WHITE))
PYTHON
)
seen="rgb24: gray 0.00 0.50 1.00, gray16le 0.00 0.50 1.00, grayf32le 0.06 0.49 0.92, gbrpf32le 0.00 0.50 1.00
gbrp: gray 0.00 0.50 1.00, gray16le 0.00 0.50 1.00, grayf32le 0.06 0.49 0.92, gbrpf32le 0.00 0.50 1.00
yuv420p: gray 0.00 0.50 1.00, gray16le 0.00 0.50 1.00, grayf32le 0.06 0.49 0.92, gbrpf32le 0.00 0.50 1.00
yuv444p10le: gray 0.00 0.50 1.00, gray16le 0.00 0.50 1.00, grayf32le 0.06 0.49 0.92, gbrpf32le 0.00 0.50 1.00
nv12: gray 0.00 0.50 1.00, gray16le 0.00 0.50 1.00, grayf32le 0.06 0.49 0.92, gbrpf32le 0.00 0.50 1.00
yuvj420p: gray 0.00 0.50 1.00, gray16le 0.00 0.50 1.00, grayf32le 0.00 0.50 1.00, gbrpf32le 0.00 0.49 0.99
gray: gray 0.00 0.50 1.00, gray16le 0.00 0.50 1.00, grayf32le 0.00 0.50 1.00, gbrpf32le 0.00 0.50 1.00"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
