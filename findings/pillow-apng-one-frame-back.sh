#!/bin/sh
# Pillow 13.0.0: `seek` back to an earlier frame of an animated PNG raises SyntaxError ("APNG contains frame sequence
# errors") once the frame shown has been loaded, unless that is the last one or the way leads to the first alone: from
# the third to the second, or through all frames again after a loop that ended early. What is read ahead behind a loaded
# frame, the next one's header, stays in a queue that rewinding does not empty. GIF, WebP, AVIF and TIFF go back, and
# so does a PNG whose frames are passed without loading them.
# Expected: the frame, as documented for `seek`. What helps: to load the last frame before going back, or to open anew.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check Pillow==13.0.0 av==18.1.0 \
    opencv-python-headless==5.0.0.93 numpy==2.4.6
said=$("$folder/venv/bin/python" - 2>/dev/null <<'PYTHON'
import io

import av
import cv2
import numpy
from PIL import Image

COLORS = ("red", "lime", "blue", "white")
frames = [Image.new("RGB", (48, 32), color) for color in COLORS]


def by_pillow(kind, **how):
    file = io.BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], **how)
    return file.getvalue()


def by_ffmpeg():
    file = io.BytesIO()
    with av.open(file, "w", format="apng") as container:
        stream = container.add_stream("apng", rate=10)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "rgb24"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_image(frame)))
        container.mux(stream.encode(None))
    return file.getvalue()


def by_opencv():
    animation = cv2.Animation()
    animation.frames = [numpy.asarray(frame)[..., ::-1].copy() for frame in frames]
    animation.durations = numpy.full(len(frames), 100, "int32")
    return cv2.imencodeanimation(".png", animation)[1].tobytes()


def shown(file, order, loads=True):
    """What is seen of the frames in that order."""
    image = Image.open(io.BytesIO(file))
    try:
        for number in order:
            image.seek(number)
            if loads:
                image.load()
        found = numpy.asarray(image.convert("RGB"))[8, 8].astype(int)
    except SyntaxError:
        return "SyntaxError"
    wanted = numpy.asarray(frames[order[-1]])[8, 8].astype(int)
    return "right" if abs(found - wanted).max() < 20 else "wrong"


files = {
    "PNG by Pillow": by_pillow("PNG", duration=100),
    "PNG by FFmpeg": by_ffmpeg(),
    "PNG by OpenCV": by_opencv(),
    "GIF": by_pillow("GIF", duration=100),
    "WebP": by_pillow("WEBP", duration=100, lossless=True),
    "AVIF": by_pillow("AVIF", duration=100),
    "TIFF": by_pillow("TIFF"),
}
for name, file in files.items():
    told = {
        "2 1": shown(file, (2, 1)),
        "0 1 0 1": shown(file, (0, 1, 0, 1)),
        "2 0": shown(file, (2, 0)),
        "0 1 2 3 1": shown(file, (0, 1, 2, 3, 1)),
        "2 1 unloaded": shown(file, (2, 1), loads=False),
    }
    print(f"{name}:", ", ".join(f"{order}: {what}" for order, what in told.items()))
PYTHON
)
seen="PNG by Pillow: 2 1: SyntaxError, 0 1 0 1: SyntaxError, 2 0: right, 0 1 2 3 1: right, 2 1 unloaded: right
PNG by FFmpeg: 2 1: SyntaxError, 0 1 0 1: SyntaxError, 2 0: right, 0 1 2 3 1: right, 2 1 unloaded: right
PNG by OpenCV: 2 1: SyntaxError, 0 1 0 1: SyntaxError, 2 0: right, 0 1 2 3 1: right, 2 1 unloaded: right
GIF: 2 1: right, 0 1 0 1: right, 2 0: right, 0 1 2 3 1: right, 2 1 unloaded: right
WebP: 2 1: right, 0 1 0 1: right, 2 0: right, 0 1 2 3 1: right, 2 1 unloaded: right
AVIF: 2 1: right, 0 1 0 1: right, 2 0: right, 0 1 2 3 1: right, 2 1 unloaded: right
TIFF: 2 1: right, 0 1 0 1: right, 2 0: right, 0 1 2 3 1: right, 2 1 unloaded: right"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
