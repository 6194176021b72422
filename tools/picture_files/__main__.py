"""`python -m tools.picture_files`: compares our pictures with Chromium's, as a table.

Decodes each file, shows it in headless Chromium if that supports it, and prints the mean
differences from the expected picture and from Chromium's, of 255. `--write` writes the table into
`docs/picture-files.md`. Exits with 1 if a bound is exceeded.
"""

import argparse
import io
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import Final

import numpy as np
from PIL import Image, features

from common.pictures import PictureError
from common.pictures.decode import normalize
from tools.checkouts import ROOT
from tools.picture_files import CASES, Case
from tools.picture_files.case import Array, RefusedFile
from tools.picture_files.chromium import Chromium, viewer
from tools.picture_files.comparing import difference

_DOCS: Final = ROOT / "docs" / "picture-files.md"
_START, _END = "<!-- table -->", "<!-- end of table -->"
_LIBRARIES: Final = ("pillow", "pillow-heif", "tifffile", "imagecodecs", "numpy")


def main() -> int:
    """Compare, print and perhaps write."""
    parser = argparse.ArgumentParser(prog="python -m tools.picture_files", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into the docs")
    chosen = parser.parse_args()
    rows, broken = [], []
    with viewer() as chromium:
        for case in CASES:
            row, fault = _row(case, chromium)
            rows.append(row)
            if fault:
                broken.append(f"{case.name}: {fault}")
        table = "\n".join(_table(chromium.version, rows))
    print(table)
    if chosen.write:
        text = _DOCS.read_text()
        before, after = text.partition(_START)[0], text.partition(_END)[2]
        _DOCS.write_text(f"{before}{_START}\n{table}\n{_END}{after}")
    for line in broken:
        print(line, file=sys.stderr)
    return 1 if broken else 0


def _row(case: Case, chromium: Chromium) -> tuple[str, str]:
    """A row of the table, and the bound that is exceeded, if any."""
    data = case.make()
    ours = _ours(data)
    shown = chromium.show(data, case.mime) if case.mime else None
    if isinstance(case.right, RefusedFile):
        result = "refused" if ours is None else "TAKEN"
        return f"| {case.format} | {case.kind} | {result} |  |  |", "" if ours is None else "taken"
    if ours is None:
        return f"| {case.format} | {case.kind} | REFUSED |  |  |", "refused"
    away = difference(ours, case.right)
    fault = "" if away <= case.mean else f"{away:.1f} from what is right"
    apart = "" if shown is None else f"{difference(ours, shown):.1f}"
    if shown is None and case.mime:
        apart = "not shown"
    elif shown is not None and difference(ours, shown) > case.chromium_mean:
        fault = fault or f"{apart} from Chromium's"
    return f"| {case.format} | {case.kind} | {away:.1f} | {apart} | {case.why} |", fault


def _ours(data: bytes) -> Array | None:
    try:
        return np.asarray(Image.open(io.BytesIO(normalize(data).png)))
    except PictureError:
        return None


def _table(version: str, rows: list[str]) -> Iterator[str]:
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in _LIBRARIES)
    libraries = ", ".join(
        f"{name} {features.version(name)}" for name in ("libjpeg_turbo", "webp", "littlecms2")
    )
    yield f"Chromium {version}; {versions}; in Pillow: {libraries}."
    yield ""
    yield "| Format | Kind | From the right value | From Chromium | Why |"
    yield "|---|---|---|---|---|"
    yield from rows


if __name__ == "__main__":
    sys.exit(main())
