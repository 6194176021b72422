#!/bin/sh
# tifffile 2026.3.3 writes gray of 10 bits wrong where the byte order is big-endian: it swaps the bytes
# of the samples before it packs their bits, which TIFF orders alike in both byte orders. Its own
# reader then gives other numbers than were written. Expected: the same numbers from both.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    tifffile==2026.3.3 imagecodecs==2026.3.6 numpy==2.4.6
said=$("$folder/venv/bin/python" - <<'PYTHON'
import io, numpy, tifffile

samples = numpy.array([[1, 2, 3, 1000, 512, 7, 8, 9]], "uint16").repeat(4, 0)
for order in "<>":
    file = io.BytesIO()
    tifffile.imwrite(
        file, samples, photometric="minisblack", bitspersample=10, byteorder=order, metadata=None
    )
    print(order, *tifffile.imread(io.BytesIO(file.getvalue()))[0])
PYTHON
)
seen="< 1 2 3 1000 512 7 8 9
> 256 512 768 3 2 768 0 256"
echo "$said"
[ "$said" = "$seen" ] || { echo "this has changed" >&2; exit 1; }
