#!/bin/sh
# Pillow 13.0.0 takes the orientation out of the Exif object with which an AVIF is saved, and writes it as the
# AVIF's own rotation. So a second AVIF that is saved with the same object lies on its side, and so does a JPEG
# after an AVIF. A JPEG, a PNG and a WebP leave the object as it is. Expected: saving changes no argument, and
# two files that are saved with equal arguments are equal.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check Pillow==13.0.0
said=$(cd "$folder" && "$folder/venv/bin/python" - <<'PYTHON'
import io
from PIL import Image, ImageOps

ORIENTATION = 0x0112
picture = Image.new("RGB", (64, 32), "red")


def size_shown(kind, exif):
    file = io.BytesIO()
    picture.save(file, kind, exif=exif)
    return ImageOps.exif_transpose(Image.open(file)).size


for kind in ("JPEG", "PNG", "WEBP", "AVIF"):
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    shown = [size_shown(kind, exif) for _ in range(2)]
    print(kind, *shown, "orientation of the object:", exif.get(ORIENTATION))
print("JPEG after AVIF", size_shown("JPEG", exif))
PYTHON
)
seen="JPEG (32, 64) (32, 64) orientation of the object: 6
PNG (32, 64) (32, 64) orientation of the object: 6
WEBP (32, 64) (32, 64) orientation of the object: 6
AVIF (32, 64) (64, 32) orientation of the object: None
JPEG after AVIF (64, 32)"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
