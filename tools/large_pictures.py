"""`python -m tools.large_pictures`: the cost of decoding 100 megapixels.

Makes files of 10,000 × 10,000 that fit the upload limit, and decodes each in a separate process.
Measures processor time, and memory beyond that of the process with the file.
"""

import argparse
import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import imagecodecs
import numpy as np
import tifffile

from tools.checkouts import ROOT

_SIDE: Final = 10_000
KINDS: Final = (
    *("png 1 u2", "png 3 u1", "png 3 u2", "png 4 u2"),
    *("tiff 3 u2", "tiff 3 f4", "tiff 1 f8", "tiff 3 f8"),
)
_MEASURE: Final = """
import sys, time
from pathlib import Path
import imagecodecs, tifffile
from common.pictures.decode import normalize
data = Path(sys.argv[1]).read_bytes()
def kib(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1])
before, start = kib("VmRSS"), time.process_time()
normalize(data)
print(f"{time.process_time() - start:.2f} s, {(kib('VmHWM') - before) / 2**20:.2f} GiB")
"""


def main() -> None:
    """Measure each kind."""
    argparse.ArgumentParser(prog="python -m tools.large_pictures", description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            file = Path(folder) / "file"
            file.write_bytes(_file(*kind.split()))
            print(f"{kind}: {file.stat().st_size >> 10} KiB, {_cost(file)}")


def _file(file_format: str, channels: str, dtype: str) -> bytes:
    count = int(channels)
    row = (np.arange(_SIDE)[:, None] % 64 * 1000 * np.arange(1, count + 1)) % 65536
    scale = {"f4": 65536, "f8": 65536, "u1": 256}.get(dtype, 1)
    samples = np.repeat((row / scale).astype(dtype)[None], _SIDE, axis=0)
    if file_format == "png":
        return bytes(imagecodecs.png_encode(samples.squeeze(), level=1))
    file = io.BytesIO()
    kind = "rgb" if count == 3 else "minisblack"
    tifffile.imwrite(file, samples, photometric=kind, rowsperstrip=100, compression="zlib")
    return file.getvalue()


def _cost(file: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(file)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return (done.stdout or done.stderr.splitlines()[-1]).strip()


if __name__ == "__main__":
    main()
