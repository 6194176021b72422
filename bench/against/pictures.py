"""Whether the pictures of both trees are as good: judged on layers that neither optimises."""

import statistics
from pathlib import Path
from typing import Any

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
"""Photographs and paintings, by their names in the folders of the two that were given."""
_MEASURES = (("style", "style_distance"), ("structure", "cfsd"))
_NO_WORSE = 1.02
"""Two runs of one recipe with other rounding differ by about this much."""


def judged(trees: Trees, network: str, options: dict[str, Any]) -> list[Row]:
    """Held-out distances of the pairs' pictures, a figure a pair; each with its ratio.

    Raises:
        BenchError: a picture of the pairs is not there.
    """
    setup = trees.setup
    found: dict[str, dict[str, list[float]]] = {
        name: {tree.name: [] for tree in trees.both} for name, _ in _MEASURES
    }
    few = {"iterations": 3, "scales": 2} if setup.quick else {}
    for number, names in enumerate(PAIRS[:1] if setup.quick else PAIRS):
        content, style = pair_of(setup, names)
        for tree in trees.both:
            out = setup.work / f"{network}-{number}-{tree.name}.png"
            task = {"network": network, "size_px": setup.size_px, **few, **options}
            trees.iterate(tree, options=task, content=str(content), style=str(style), out=str(out))
            verdict = setup.child(
                "judge", pictures=[str(out)], content=str(content), style=str(style)
            )["verdicts"][0]
            for name, measure in _MEASURES:
                found[name][tree.name].append(verdict[measure])
    return [
        Row(
            f"{network}, {setup.size_px} px standard, {name} distance",
            f"of {len(both['new'])} pairs",
            tuple(both["old"]),
            tuple(both["new"]),
            _NO_WORSE,
            None,
            f"mean {statistics.fmean(both['old']):.3f} and {statistics.fmean(both['new']):.3f}",
        )
        for name, both in found.items()
    ]


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
