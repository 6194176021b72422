#!/bin/sh
# PyAV 18.1.0 (FFmpeg 8.1.2) on x86: `VideoFrame.reformat`, and with it `to_ndarray`, converts with as many threads as
# there are processors. Into 16-bit gray and planar formats of 10 bits it then gives other pixels each time where the
# width fills no whole number of vectors: a thread writes past the end of its last row, into the first pixels of the
# next thread's first row, which may be done already. So a film that is encoded with 10 bits has dots in some of its
# frames. Expected: the same pixels from any number of threads. What helps: `threads=1`.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6
said=$("$folder/venv/bin/python" - 2>/dev/null <<'PYTHON'
import av
import numpy


def samples(frame):
    planes = [numpy.frombuffer(plane, "uint8").reshape(-1, plane.line_size) for plane in frame.planes]
    return [rows[:, : 2 * plane.width] for rows, plane in zip(planes, frame.planes)]


def differs(frame, kind, threads):
    """Whether one of 500 conversions gives other pixels than a single thread does."""
    right = samples(frame.reformat(format=kind, threads=1))
    for _ in range(500):
        made = samples(frame.reformat(format=kind, threads=threads))
        if any((a != b).any() for a, b in zip(made, right)):
            return True
    return False


for width in (1280, 1366):
    noise = numpy.random.default_rng(0).integers(0, 256, (768, width, 3), "uint8")
    frame = av.VideoFrame.from_ndarray(noise, format="rgb24")
    for kind in ("gray16le", "yuv420p10le"):
        for threads in (1, 4):
            found = "some differ" if differs(frame, kind, threads) else "all the same"
            print(f"{width} px to {kind}, threads={threads}: {found}")
PYTHON
)
seen="1280 px to gray16le, threads=1: all the same
1280 px to gray16le, threads=4: all the same
1280 px to yuv420p10le, threads=1: all the same
1280 px to yuv420p10le, threads=4: all the same
1366 px to gray16le, threads=1: all the same
1366 px to gray16le, threads=4: some differ
1366 px to yuv420p10le, threads=1: all the same
1366 px to yuv420p10le, threads=4: some differ"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
