#!/bin/sh
# opencv-python-headless 5.0.0.93: how quick a motion `DISOpticalFlow` (medium preset) finds jumps with
# the frames' size, as it begins where a frame was halved a whole number of times, and how often is
# rounded from the longer side. The same scene moves by 51 px: in frames of 362 px most of it is lost by
# tens of pixels, in frames of 364 px it is found to a fraction of one. `setCoarsestScale` does not let
# it begin earlier (the last line); to enlarge smaller frames does.
# Expected: two pixels more of a scene change next to nothing.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    opencv-python-headless==5.0.0.93 numpy==2.4.6
said=$("$folder/venv/bin/python" - <<'PYTHON'
import cv2
import numpy

cv2.setNumThreads(1)
random = numpy.random.default_rng(0)
scene = numpy.zeros((600, 600), "float32")
for cell, amount in ((16, 0.5), (6, 0.3), (3, 0.2)):  # smooth noise of several sizes
    coarse = random.random((600 // cell + 2, 600 // cell + 2), "float32")
    scene += amount * cv2.resize(coarse, (600, 600))
scene = (scene * 255).astype("uint8")
for size, coarsest in ((180, None), (184, None), (362, None), (364, None), (362, 5)):
    moved = round(0.14 * size) if size > 200 else round(0.18 * size)
    before = numpy.ascontiguousarray(scene[:size, :size])
    after = numpy.ascontiguousarray(scene[:size, moved : moved + size])
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    if coarsest is not None:
        search.setCoarsestScale(coarsest)
    flow = search.calc(before, after, None)[:, moved + 10 : -5, 0]  # what is in both frames
    median = numpy.median(numpy.abs(flow + moved))
    print(f"{size} px by {moved}:", "found" if median < 0.5 else "lost" if median > 20 else median)
PYTHON
)
seen="180 px by 32: lost
184 px by 33: found
362 px by 51: lost
364 px by 51: found
362 px by 51: lost"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
