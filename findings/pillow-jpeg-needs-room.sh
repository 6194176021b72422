#!/bin/sh
# Pillow 13.0.0 cannot save some pictures as JPEG: with `optimize` or `progressive` it hands libjpeg one
# buffer of a guessed size (width times height bytes), and where the file gets larger than that, as with
# fine detail and subsampling=0, it raises "broken data stream when writing image file". Expected: the
# file, as it is made without the two options. What helps: ImageFile.MAXBLOCK set to what may be needed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0 numpy==2.4.6
said=$("$folder/venv/bin/python" - 2>/dev/null <<'PYTHON'
import io

import numpy
from PIL import Image, ImageFile

noise = numpy.random.default_rng(0).integers(0, 256, (512, 512, 3), dtype="uint8")
picture = Image.fromarray(noise)


def saved(**options):
    try:
        picture.save(io.BytesIO(), "JPEG", quality=85, subsampling=0, **options)
    except OSError as error:
        return str(error)
    return "saved"


print("plain:", saved())
print("optimize:", saved(optimize=True))
print("progressive:", saved(progressive=True))
ImageFile.MAXBLOCK = 4 * 512 * 512
print("optimize, with more room:", saved(optimize=True))
PYTHON
)
seen="plain: saved
optimize: broken data stream when writing image file
progressive: broken data stream when writing image file
optimize, with more room: saved"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
