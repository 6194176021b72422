#!/bin/sh
# torchcodec 0.17.0: `decode_image` in its default mode "RGB", and in "GRAY", lays an AVIF with alpha on black: what is
# half clear comes out half as bright, and what is clear black, also where AVIF keeps a color there. A PNG and a WebP of
# the same picture keep their colors, as they do in Pillow and OpenCV, and as the AVIF does with "RGB_ALPHA".
# Expected: one mode means one thing. What helps: "RGB_ALPHA" for all kinds, and its first three planes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check torchcodec==0.17.0 torch==2.15.0 \
    Pillow==13.0.0 numpy==2.4.6
said=$("$folder/venv/bin/python" - <<'PYTHON'
import io

from PIL import Image
from torchcodec.decoders import decode_image

KINDS = {"PNG": {}, "WEBP": {"lossless": True, "exact": True}, "AVIF": {"quality": 100, "subsampling": "4:4:4"}}
for alpha in (255, 128, 0):
    for kind, how in KINDS.items():
        file = io.BytesIO()
        Image.new("RGBA", (64, 48), (200, 100, 50, alpha)).save(file, kind, **how)
        told = [f"Pillow {Image.open(file).convert('RGB').getpixel((20, 20))}"]
        for mode in ("RGB", "GRAY", "RGB_ALPHA"):
            told.append(f"{mode} {tuple(decode_image(file.getvalue(), mode=mode)[:, 20, 20].tolist())}")
        print(f"alpha {alpha}, {kind}:", ", ".join(told))
PYTHON
)
seen="alpha 255, PNG: Pillow (200, 100, 50), RGB (200, 100, 50), GRAY (124,), RGB_ALPHA (200, 100, 50, 255)
alpha 255, WEBP: Pillow (200, 100, 50), RGB (200, 100, 50), GRAY (124,), RGB_ALPHA (200, 100, 50, 255)
alpha 255, AVIF: Pillow (200, 100, 50), RGB (200, 100, 50), GRAY (124,), RGB_ALPHA (200, 100, 50, 255)
alpha 128, PNG: Pillow (200, 100, 50), RGB (200, 100, 50), GRAY (124,), RGB_ALPHA (200, 100, 50, 128)
alpha 128, WEBP: Pillow (200, 100, 50), RGB (200, 100, 50), GRAY (124,), RGB_ALPHA (200, 100, 50, 128)
alpha 128, AVIF: Pillow (200, 100, 50), RGB (100, 50, 25), GRAY (62,), RGB_ALPHA (200, 100, 50, 128)
alpha 0, PNG: Pillow (200, 100, 50), RGB (200, 100, 50), GRAY (124,), RGB_ALPHA (200, 100, 50, 0)
alpha 0, WEBP: Pillow (200, 100, 50), RGB (200, 100, 50), GRAY (124,), RGB_ALPHA (200, 100, 50, 0)
alpha 0, AVIF: Pillow (200, 100, 50), RGB (0, 0, 0), GRAY (0,), RGB_ALPHA (200, 100, 50, 0)"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
