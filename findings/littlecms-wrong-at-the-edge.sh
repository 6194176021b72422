#!/bin/sh
# LittleCMS, as Pillow 13.0.0 (ImageCms) and imagecodecs 2026.3.6 (`cms_transform`) call it, converts colors near the
# edge of what the target can show wrong by 10 to 30 of 255 levels, and so it does for 16 bits and not for 8: with
# other than 8-bit RGB it makes a table of 33 steps a side for the whole conversion, which rounds off the corner
# where a color is clipped. A deep picture in Display P3 has other colors than the same one of 8 bits.
# Expected: as for 8 bits and for floats, the profile's own formulas to a level (the CIE's give 67 215 235). What
# helps: the flag NOOPTIMIZE. LittleCMS's issue 460 has it for Lab.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    Pillow==13.0.0 imagecodecs==2026.3.6 numpy==2.4.6
said=$("$folder/venv/bin/python" - <<'PYTHON'
import imagecodecs
import numpy
from PIL import Image, ImageCms

D65, D50 = (0.3127, 0.3290, 1.0), (0.3457, 0.3585, 1.0)
P3 = (0.680, 0.320, 1, 0.265, 0.690, 1, 0.150, 0.060, 1)
PROPHOTO = (0.7347, 0.2653, 1, 0.1596, 0.8404, 1, 0.0366, 0.0001, 1)
srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
EXACT = int(imagecodecs.CMS.FLAGS.NOOPTIMIZE)


def to_srgb(color, profile, flags=None):
    pixels = numpy.broadcast_to(color, (4, 4, 3)).copy()
    kinds = {"colorspace": "rgb", "outcolorspace": "rgb", "outdtype": pixels.dtype.str[1:]}
    found = imagecodecs.cms_transform(pixels, profile, srgb, flags=flags, **kinds)[0, 0]
    white = {"u1": 1, "u2": 1 / 257, "f4": 255}[kinds["outdtype"]]
    return numpy.clip(numpy.rint(found * white), 0, 255).astype(int)


for name, white, primaries, gamma, color in (
    ("Display P3", D65, P3, 2.2, (150, 240, 75)),
    ("ProPhoto", D50, PROPHOTO, 1.8, (165, 240, 240)),
):
    profile = imagecodecs.cms_profile("rgb", whitepoint=white, primaries=primaries, gamma=gamma)
    eight, sixteen = numpy.array(color, "uint8"), numpy.array(color, "uint16") * 257
    print(f"{name} of 8 bits:", *to_srgb(eight, profile))
    print(f"{name} of floats:", *to_srgb((eight / 255).astype("float32"), profile))
    print(f"{name} of 16 bits:", *to_srgb(sixteen, profile))
    print(f"{name} of 16 bits, NOOPTIMIZE:", *to_srgb(sixteen, profile, EXACT))

lab, rgb = ImageCms.createProfile("LAB", 5000), ImageCms.createProfile("sRGB")
color = Image.frombytes("LAB", (1, 1), bytes((round(79 * 2.55), -35 % 256, -22 % 256)))
for name, flags in (("", ImageCms.Flags.NONE), (", NOOPTIMIZE", ImageCms.Flags.NOOPTIMIZE)):
    shown = ImageCms.profileToProfile(color, lab, rgb, outputMode="RGB", flags=flags)
    print(f"CIELab 79 -35 -22 by Pillow{name}:", *shown.getpixel((0, 0)))
PYTHON
)
seen="Display P3 of 8 bits: 119 243 0
Display P3 of floats: 119 243 0
Display P3 of 16 bits: 119 243 10
Display P3 of 16 bits, NOOPTIMIZE: 119 243 0
ProPhoto of 8 bits: 6 255 243
ProPhoto of floats: 6 255 243
ProPhoto of 16 bits: 30 254 243
ProPhoto of 16 bits, NOOPTIMIZE: 6 255 243
CIELab 79 -35 -22 by Pillow: 56 214 235
CIELab 79 -35 -22 by Pillow, NOOPTIMIZE: 67 214 235"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
