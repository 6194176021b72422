"""`python -m engine.styles.shipping ID=FILE …`: what the catalogue ships of paintings at hand.

For each painting its fingerprint, and a swatch that the engine paints from the fingerprint
alone. To be run whenever the lite network or its recipe changes.
"""

import argparse
import sys
from pathlib import Path

import torch
from rich.console import Console

from engine.networks.registry import NetworkSource
from engine.painting.events import Painted
from engine.painting.inputs import Style
from engine.painting.painter import paint
from engine.painting.picture import Picture
from engine.painting.studio import Studio
from engine.styles.fingerprints import load_fingerprint
from engine.styles.making import make_fingerprint
from jobs.catalogue import Painting, load_catalogue
from jobs.catalogue.painting import FINGERPRINTS, SWATCHES
from jobs.options import PaintOptions

SWATCH_PX = (120, 160)
QUALITY = 90


def main(arguments: list[str] | None = None) -> int:
    """Make the files of all paintings named. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m engine.styles.shipping", description=__doc__)
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
        fingerprint = FINGERPRINTS / f"{painting.id}.safetensors"
        fingerprint.write_bytes(make_fingerprint(Path(file).read_bytes()))
        console.print(f"{fingerprint.name}: {fingerprint.stat().st_size / 1024:.0f} KiB")
        if not options.without_swatches:
            paint_swatch(painting, fingerprint)
    return 0


def paint_swatch(painting: Painting, fingerprint: Path) -> None:
    """Paint a painting's strokes from its statistics, from noise and without a photograph."""
    blank = Picture(torch.full((3, *SWATCH_PX), 0.5))
    style = Style(fingerprints=load_fingerprint(fingerprint), name=painting.name)
    options = PaintOptions(
        size_px=max(SWATCH_PX),
        strength=1.0,
        style_scale=2.0,  # a swatch shows a part of the painting
        start="noise",
        network="lite",
    )
    for event in paint(blank, [style], options, studio=Studio(NetworkSource(), precision="fp32")):
        if isinstance(event, Painted):
            image = event.picture.to_image().convert("RGB")
            image.save(SWATCHES / f"{painting.id}.jpg", quality=QUALITY, subsampling=0)


if __name__ == "__main__":
    sys.exit(main())
