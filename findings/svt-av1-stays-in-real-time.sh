#!/bin/sh
# Encoding AV1 with libsvtav1 through PyAV 18.1.0 (SVT-AV1 4.1.0) on Linux leaves the thread that opened the
# encoder in the real-time class SCHED_FIFO at priority 99 where the process may enter it, as root in a
# container may. Expected: the encoder's own threads, if any, and none once it is closed. What is seen: every
# thread that is started afterwards inherits it, and whatever else runs on those cores is starved. What helps:
# open the encoder in a thread that ends, or in a process of its own. Needs root; says so and ends otherwise.
set -eu
[ "$(id -u)" = 0 ] || { echo "not root: there is nothing to be seen"; exit 0; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6
said=$("$folder/venv/bin/python" - 2>/dev/null <<'PYTHON'
import io
import os
import threading

import av
import numpy

NAMES = {os.SCHED_OTHER: "ordinary", os.SCHED_FIFO: "SCHED_FIFO"}


def scheduling():
    return f"{NAMES[os.sched_getscheduler(0)]} {os.sched_getparam(0).sched_priority}"


def encode(codec):
    with av.open(io.BytesIO(), "w", format="mp4") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        picture = numpy.zeros((64, 64, 3), "uint8")
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


print("before:", scheduling())
encode("libx264")
print("after libx264:", scheduling())
encode("libsvtav1")
print("after libsvtav1, closed:", scheduling())
started = threading.Thread(target=lambda: print("a thread started then:", scheduling()))
started.start()
started.join()
PYTHON
)
seen="before: ordinary 0
after libx264: ordinary 0
after libsvtav1, closed: SCHED_FIFO 99
a thread started then: SCHED_FIFO 99"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
