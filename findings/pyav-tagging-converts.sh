#!/bin/sh
# PyAV 18.1.0 (FFmpeg 8.1.2): `reformat(dst_color_trc=...)` is documented to set "frame metadata only", and
# `dst_color_primaries=...` to tag the frame. What is seen: where the frame has a tag of its own, swscale converts
# the pixels, and first builds a table for it, which takes seconds of processor even for 16 x 16 pixels, for each
# frame anew. A film of BT.709 whose frames are tagged as sRGB gets darker and stands still.
# Expected: the same pixels under another tag, at once. What helps: to set `frame.color_trc` itself.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.6
said=$("$folder/venv/bin/python" - <<'PYTHON'
import time

import av
import numpy
from av.video.reformatter import ColorPrimaries, ColorTrc, VideoReformatter

documented = " ".join(VideoReformatter.reformat.__doc__.split())
print("documented as metadata only:", "This sets frame metadata only; it does not perform a pixel" in documented)
color = numpy.full((16, 16, 3), (200, 64, 30), "uint8")
to_srgb = {"dst_color_trc": ColorTrc.IEC61966_2_1}
to_bt709 = {"dst_color_primaries": ColorPrimaries.BT709}
for name, trc, primaries, tags in (
    ("untagged", ColorTrc.UNSPECIFIED, ColorPrimaries.UNSPECIFIED, to_srgb),
    ("BT.709", ColorTrc.BT709, ColorPrimaries.BT709, to_srgb),
    ("BT.2020", ColorTrc.BT709, ColorPrimaries.BT2020, to_bt709),
):
    frame = av.VideoFrame.from_ndarray(color, format="rgb24")
    frame.color_trc, frame.color_primaries = trc, primaries
    began = time.process_time()
    tagged = frame.reformat(threads=1, **tags)
    slow = time.process_time() - began > 0.5
    (tag,) = tags
    print(name, f"{tag}:", *tagged.to_ndarray()[0, 0], "after seconds" if slow else "at once")
    frame.color_trc, frame.color_primaries = ColorTrc.IEC61966_2_1, ColorPrimaries.BT709
    print(name, "properties:", *frame.to_ndarray()[0, 0])
PYTHON
)
seen="documented as metadata only: True
untagged dst_color_trc: 200 64 30 at once
untagged properties: 200 64 30
BT.709 dst_color_trc: 197 53 17 after seconds
BT.709 properties: 200 64 30
BT.2020 dst_color_primaries: 233 0 14 after seconds
BT.2020 properties: 200 64 30"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
