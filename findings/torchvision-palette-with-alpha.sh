#!/bin/sh
# torchvision 0.29.2: `decode_image` with mode "RGBA" makes stripes of a PNG that has a palette and no transparency, as
# screenshots and drawings often are: each row is filled with three bytes a pixel where four belong, and its last
# quarter with whatever was in memory. "GRAY_ALPHA" does the same. A PNG of 1 bit without a palette gets an alpha of 1,
# so that it cannot be seen. "RGB", "GRAY", a palette with a transparent color and grays of 8 bits are right.
# Expected: the picture, with an alpha of 255. What helps: mode "RGB", or Pillow.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --disable-pip-version-check torchvision==0.29.2 torch==2.15.0 \
    Pillow==13.0.0 numpy==2.4.6
said=$("$folder/venv/bin/python" - <<'PYTHON'
import io

import numpy
import torch
from PIL import Image
from torchvision.io import decode_image

down, across = numpy.mgrid[0:64, 0:64].astype("uint8")
colors = Image.fromarray(numpy.stack([across * 3, down * 3, across + down], 2))
pictures = {
    "palette of 8 bits": (colors.quantize(256), {}),
    "palette of 4 bits": (colors.quantize(16), {}),
    "palette of 1 bit": (colors.quantize(2), {"bits": 1}),
    "palette of 8 bits, one clear": (colors.quantize(256), {"transparency": 0}),
    "gray of 8 bits": (colors.convert("L"), {}),
    "gray of 1 bit": (colors.convert("1"), {}),
}
for name, (picture, how) in pictures.items():
    told = []
    for mode, of_pillow in (("GRAY", "L"), ("RGB", "RGB"), ("GRAY_ALPHA", "LA"), ("RGBA", "RGBA")):
        file = io.BytesIO()
        picture.save(file, "PNG", **how)
        given = torch.frombuffer(bytearray(file.getvalue()), dtype=torch.uint8)
        found = decode_image(given, mode).permute(1, 2, 0).int()
        wanted = torch.from_numpy(numpy.array(Image.open(file).convert(of_pillow))).reshape(found.shape).int()
        off = (found - wanted).abs()
        if off.max() <= 1:
            told.append(f"{mode} right")
        elif off[..., :-1].max() <= 1:
            told.append(f"{mode} alpha {found[..., -1].min()} to {found[..., -1].max()}")
        else:
            told.append(f"{mode} wrong")
    print(f"{name}:", ", ".join(told))
PYTHON
)
seen="palette of 8 bits: GRAY right, RGB right, GRAY_ALPHA wrong, RGBA wrong
palette of 4 bits: GRAY right, RGB right, GRAY_ALPHA wrong, RGBA wrong
palette of 1 bit: GRAY right, RGB right, GRAY_ALPHA wrong, RGBA wrong
palette of 8 bits, one clear: GRAY right, RGB right, GRAY_ALPHA right, RGBA right
gray of 8 bits: GRAY right, RGB right, GRAY_ALPHA right, RGBA right
gray of 1 bit: GRAY right, RGB right, GRAY_ALPHA alpha 1 to 1, RGBA alpha 1 to 1"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
