#!/bin/sh
# Pillow 13.0.0: an MPO that is saved with four or more pictures (as of a panorama or of several viewpoints) loses the
# fourth and all after it. They are in the file, but its index is wrong: of each picture after the second it is told
# the end less the size of the one before where the size belongs, so that the third is too long and the others are
# sought behind the end or amid a picture. Nothing is said when it is saved; `seek` raises ValueError or SyntaxError,
# and whoever cuts the file by its index finds no JPEG there. TIFF, WebP and AVIF keep all.
# Expected: the pictures that were saved. What helps: at most three, or one of the other formats.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check Pillow==13.0.0
said=$("$folder/venv/bin/python" - <<'PYTHON'
import io

from PIL import Image

JPEG_BEGINS = b"\xff\xd8\xff"
colors = [(200 - 40 * number, 90, 30 + 40 * number) for number in range(5)]


def album(kind, count):
    pictures = [Image.new("RGB", (64, 48), color) for color in colors[:count]]
    file = io.BytesIO()
    pictures[0].save(file, kind, save_all=True, append_images=pictures[1:])
    return file


def shown(image, number):
    try:
        image.seek(number)
        found = image.convert("RGB").getpixel((20, 20))
    except (ValueError, SyntaxError, EOFError) as error:
        return type(error).__name__
    return "right" if max(abs(a - b) for a, b in zip(found, colors[number])) < 20 else "wrong"


for kind in ("TIFF", "WEBP", "AVIF", "MPO"):
    for count in (2, 3, 4, 5):
        file = album(kind, count)
        with Image.open(file) as image:
            told = [shown(image, number) for number in range(count)]
            print(f"{kind} of {count}:", ", ".join(told))
            if kind != "MPO":
                continue
            index = image.mpinfo[0xB002]
        written = file.getvalue()
        starts = [place for place in range(len(written)) if written.startswith(JPEG_BEGINS, place)]
        sizes = [end - start for start, end in zip(starts, [*starts[1:], len(written)])]
        off = [entry["Size"] - size for entry, size in zip(index, sizes)]
        print("  sizes of the index:", ", ".join("right" if one == 0 else "wrong" for one in off))
PYTHON
)
seen="TIFF of 2: right, right
TIFF of 3: right, right, right
TIFF of 4: right, right, right, right
TIFF of 5: right, right, right, right, right
WEBP of 2: right, right
WEBP of 3: right, right, right
WEBP of 4: right, right, right, right
WEBP of 5: right, right, right, right, right
AVIF of 2: right, right
AVIF of 3: right, right, right
AVIF of 4: right, right, right, right
AVIF of 5: right, right, right, right, right
MPO of 2: right, right
  sizes of the index: right, right
MPO of 3: right, right, right
  sizes of the index: right, right, wrong
MPO of 4: right, right, right, ValueError
  sizes of the index: right, right, wrong, wrong
MPO of 5: right, right, right, SyntaxError, ValueError
  sizes of the index: right, right, wrong, wrong, wrong"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
