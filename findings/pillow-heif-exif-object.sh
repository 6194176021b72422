#!/bin/sh
# pillow-heif 1.8.1 with Pillow 13.0.0: a HEIC that is saved with an `Image.Exif` object, which Pillow takes for each of
# its formats, lies on its side: the file gets the Exif with its orientation, by which HEIC must not be turned, and no
# rotation of its own. The same Exif as bytes becomes the rotation. JPEG, PNG, WebP and AVIF are upright either way.
# Expected: both say the same. What helps: `exif.tobytes()`.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pillow-heif==1.8.1 Pillow==13.0.0
said=$("$folder/venv/bin/python" - <<'PYTHON'
import io

import pillow_heif
from PIL import Image, ImageOps

pillow_heif.register_heif_opener()
photo = Image.new("RGB", (96, 64), "red")
for kind in ("JPEG", "PNG", "WEBP", "AVIF", "HEIF"):
    told = []
    for way in ("object", "bytes"):
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned: 64 x 96
        file = io.BytesIO()
        photo.save(file, kind, exif=exif if way == "object" else exif.tobytes())
        shown = ImageOps.exif_transpose(Image.open(file))
        turns = f", rotations {file.getvalue().count(b'irot')}" if kind == "HEIF" else ""
        told.append(f"{way} {shown.width} x {shown.height}{turns}")
    print(f"{kind}:", "; ".join(told))
PYTHON
)
seen="JPEG: object 64 x 96; bytes 64 x 96
PNG: object 64 x 96; bytes 64 x 96
WEBP: object 64 x 96; bytes 64 x 96
AVIF: object 64 x 96; bytes 64 x 96
HEIF: object 96 x 64, rotations 0; bytes 64 x 96, rotations 1"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
