"""`python -m tools.shipping ID=FILE …`: makes the catalogue's files for paintings.

For each painting: a fingerprint for each network, and a swatch that the engine paints from
VGG-19's. Run it whenever a network or the recipe's layers change.
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from common.catalogue import load_catalogue
from common.catalogue.painting import FINGERPRINTS, SWATCHES
from common.options import NETWORKS
from engine.painting.inputs import Style
from engine.styles.fingerprints import load_fingerprint
from engine.styles.make_fingerprint import make_fingerprint
from engine.styles.swatches import paint_swatch


def main(arguments: list[str] | None = None) -> int:
    """Make the files of the paintings named. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.shipping", description=__doc__)
    parser.add_argument("paintings", nargs="+", metavar="ID=FILE")
    parser.add_argument("--without-swatches", action="store_true")
    options = parser.parse_args(arguments)
    console = Console()
    for word in options.paintings:
        painting_id, _, file = word.partition("=")
        painting = load_catalogue().get(painting_id)
        if painting is None or not Path(file).is_file():
            console.print(f"{word}: no such painting or no such file.", markup=False)
            return 2
        for network in NETWORKS:
            fingerprint = FINGERPRINTS / network / f"{painting.id}.safetensors"
            fingerprint.parent.mkdir(exist_ok=True)
            fingerprint.write_bytes(make_fingerprint(Path(file).read_bytes(), network=network))
            size = fingerprint.stat().st_size / 1024
            console.print(f"{network}/{fingerprint.name}: {size:.0f} KiB")
        if not options.without_swatches:
            shipped = FINGERPRINTS / "vgg19" / f"{painting.id}.safetensors"
            style = Style(fingerprints=load_fingerprint(shipped), name=painting.name)
            (SWATCHES / f"{painting.id}.jpg").write_bytes(paint_swatch(style))
    return 0


if __name__ == "__main__":
    sys.exit(main())
