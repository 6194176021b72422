"""Compares the pictures of both trees, judged on layers that neither optimizes.

At full and at half size, since a distance at one size alone rewards fine grain over large strokes.
"""

import statistics
from pathlib import Path
from typing import Any

from PIL import Image

from bench.against.measuring import Row
from bench.against.painting import Trees
from bench.runner import BenchError, Setup

PAIRS = (
    ("golden_gate", "starry_night"),
    ("tubingen", "the_scream"),
    ("exe_quay", "water_lilies"),
    ("london", "wheatfield_with_crows"),
    ("ancient_city", "composition_vii"),
    ("tubingen", "great_wave"),
    ("golden_gate", "picasso_selfportrait_1907"),
    ("exe_quay", "starry_night"),
)
"""Pairs of photographs and paintings, by file name."""
_MEASURES = (("style", "style_distance"), ("structure", "cfsd"))
_SCALES = ("", " at half of that")
_NO_WORSE = 1.02
"""Runs of one recipe with different rounding differ by about this ratio."""


def judged(trees: Trees, network: str, options: dict[str, Any]) -> list[Row]:
    """Held-out distances of the pairs' pictures, a figure a pair; each with its ratio.

    Raises:
        BenchError: a picture of the pairs is not there.
    """
    setup = trees.setup
    found: dict[str, dict[str, list[float]]] = {
        f"{name} distance{scale}": {tree.name: [] for tree in trees.both}
        for name, _ in _MEASURES
        for scale in _SCALES
    }
    few = {"iterations": 3, "scales": 2} if setup.quick else {}
    for number, names in enumerate(PAIRS[:1] if setup.quick else PAIRS):
        content, style = pair_of(setup, names)
        for tree in trees.both:
            out = setup.work / f"{network}-{number}-{tree.name}.png"
            task = {"network": network, "size_px": setup.size_px, **few, **options}
            trees.iterate(tree, options=task, content=str(content), style=str(style), out=str(out))
            pictures = [str(out), str(_halved(out))]
            verdicts = setup.child(
                "judge", pictures=pictures, content=str(content), style=str(style)
            )["verdicts"]
            for name, measure in _MEASURES:
                for scale, verdict in zip(_SCALES, verdicts, strict=True):
                    found[f"{name} distance{scale}"][tree.name].append(verdict[measure])
    return [
        Row(
            f"{network}, {setup.size_px} px standard, {name}",
            f"of {len(both['new'])} pairs",
            tuple(both["old"]),
            tuple(both["new"]),
            _NO_WORSE,
            None,
            f"mean {statistics.fmean(both['old']):.3f} and {statistics.fmean(both['new']):.3f}",
        )
        for name, both in found.items()
    ]


def _halved(picture: Path) -> Path:
    """The file of a picture half as large."""
    file = picture.with_stem(f"{picture.stem}-half")
    with Image.open(picture) as image:
        image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS).save(file)
    return file


def pair_of(setup: Setup, names: tuple[str, str]) -> tuple[Path, Path]:
    """The files of a photograph and a painting by their names.

    Raises:
        BenchError: one of them is not there.
    """
    return _picture(setup.content, names[0]), _picture(setup.style, names[1])


def _picture(beside: Path, name: str) -> Path:
    file = beside.with_name(f"{name}.jpg")
    if not file.is_file():
        raise BenchError(f"There is no picture {file}, which the judged pairs need.")
    return file
