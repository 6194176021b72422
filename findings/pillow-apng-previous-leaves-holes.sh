#!/bin/sh
# Pillow 13.0.0 saves an animated PNG with `disposal=PREVIOUS` so that it has holes from the third frame on. The
# specification (PNG, third edition) and Pillow's documentation say that PREVIOUS of the first frame means
# BACKGROUND, so nothing is left under what comes later; but the third frame that is written holds only what
# differs from the first one. Pillow itself, FFmpeg (PyAV 18.1.0) and OpenCV 5.0.0.93 show nothing beside it.
# Expected: the frames that were saved.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    Pillow==13.0.0 av==18.1.0 opencv-python-headless==5.0.0.93 numpy==2.4.6
said=$(cd "$folder" && "$folder/venv/bin/python" - <<'PYTHON'
import av, cv2
from PIL import Image
from PIL.PngImagePlugin import Blend, Disposal

frames = [Image.new("RGBA", (16, 16), (30, 60, 90, 255)) for _ in range(4)]
for number, frame in enumerate(frames):
    frame.paste((250, 200, 30, 255), (3 * number, 2, 3 * number + 4, 6))
frames[0].save(
    "four.png", save_all=True, append_images=frames[1:],
    disposal=Disposal.OP_PREVIOUS, blend=Blend.OP_SOURCE,
)
image = Image.open("four.png")
for number in range(4):
    image.seek(number)
    print("Pillow", number, *image.convert("RGBA").getpixel((12, 12)))
with av.open("four.png") as container:
    for number, frame in enumerate(container.decode(video=0)):
        print("FFmpeg", number, *frame.to_ndarray(format="rgba")[12, 12])
for number, frame in enumerate(cv2.imreadanimation("four.png")[1].frames):
    print("OpenCV", number, *cv2.cvtColor(frame, cv2.COLOR_BGRA2RGBA)[12, 12])
PYTHON
)
seen="Pillow 0 30 60 90 255
Pillow 1 30 60 90 255
Pillow 2 0 0 0 0
Pillow 3 0 0 0 0
FFmpeg 0 30 60 90 255
FFmpeg 1 30 60 90 255
FFmpeg 2 0 0 0 0
FFmpeg 3 0 0 0 0
OpenCV 0 30 60 90 255
OpenCV 1 30 60 90 255
OpenCV 2 0 0 0 0
OpenCV 3 0 0 0 0"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
