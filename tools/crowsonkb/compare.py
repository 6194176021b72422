"""Compares programs: which is nearer to the painting at equal structure, and vice versa."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean

from tools.evaluation.likeness import Likeness

STYLES = ("gram", "wasserstein", "missing", "foreign")
"""Style distances by which both are compared."""


@dataclass(frozen=True)
class Place:
    """A picture's distances to the photograph and to the painting."""

    structure: float
    style: float


@dataclass(frozen=True)
class Comparison:
    """A rival's picture compared with the line through our pictures of increasing strength.

    If the line ends before the rival's picture, it is extrapolated from its last two points
    (`beyond`).
    """

    theirs: Place
    style_at_its_structure: float
    structure_at_its_style: float
    beyond: bool

    @property
    def nearer(self) -> bool:
        """Ours is nearer to the painting, at the rival's structure."""
        return self.style_at_its_structure < self.theirs.style

    @property
    def keeps_more(self) -> bool:
        """Ours keeps more of the photograph, at the rival's distance to the painting."""
        return self.structure_at_its_style < self.theirs.structure


def place(likenesses: Sequence[Likeness], style: str) -> Place:
    """The means over the scales at which a picture was measured."""
    return Place(
        fmean(one.structure for one in likenesses), fmean(getattr(one, style) for one in likenesses)
    )


def compare(ours: Sequence[Place], theirs: Place) -> Comparison:
    """Compare with two or more of ours, ordered by rising structure distance."""
    line = sorted(ours, key=lambda one: one.structure)
    style, beyond = _along([(one.structure, one.style) for one in line], theirs.structure)
    back = sorted((one.style, one.structure) for one in line)
    structure, also = _along(back, theirs.style)
    return Comparison(theirs, style, structure, beyond or also)


def as_markdown(found: Mapping[str, Mapping[str, Comparison]], seconds: Mapping[str, str]) -> str:
    """A row for each pair, with the counts below.

    Args:
        found: verdicts by pair, then by style distance.
        seconds: what each pair's pictures took, in words.
    """
    lines = [
        f"| pair | structure | {' | '.join(STYLES)} | processor seconds |",
        "|:--|" + "--:|" * (len(STYLES) + 2),
    ]
    for pair, by_style in found.items():
        cells = [_cell(by_style[style]) for style in STYLES]
        mark = "*" if any(one.beyond for one in by_style.values()) else ""
        kept = f"{next(iter(by_style.values())).theirs.structure:.3f}"
        lines.append(f"| {pair}{mark} | {kept} | {' | '.join(cells)} | {seconds[pair]} |")
    told = [
        f"By {style}: at equal structure ours is nearer to the painting in "
        f"{sum(one[style].nearer for one in found.values())} of {len(found)}, at equal style it "
        f"keeps more structure in {sum(one[style].keeps_more for one in found.values())}."
        for style in STYLES
    ]
    told.append(
        "Each cell: theirs / ours at the same structure, on the line through ours of rising "
        "strength; * where that goes on beyond the last of them."
    )
    return "\n".join([*lines, "", *told])


def seconds_of(log: Path) -> dict[tuple[str, str], float]:
    """Processor seconds by pair and picture, from the log of painting."""
    rows = (json.loads(line) for line in log.read_text(encoding="utf-8").splitlines())
    return {(one["pair"], one["picture"]): one["seconds"] for one in rows}


def _along(points: Sequence[tuple[float, float]], at: float) -> tuple[float, bool]:
    """Interpolate between the two nearest points; also returns whether it was extrapolated."""
    low, high = next(
        ((one, other) for one, other in pairwise(points) if at <= other[0]),
        (points[-2], points[-1]),
    )
    share = (at - low[0]) / max(high[0] - low[0], 1e-9)
    return low[1] + share * (high[1] - low[1]), not 0 <= share <= 1


def _cell(verdict: Comparison) -> str:
    """Theirs, and ours at the same structure; ours is bold where it is nearer."""
    ours = f"{verdict.style_at_its_structure:.3f}"
    return f"{verdict.theirs.style:.3f} / " + (f"**{ours}**" if verdict.nearer else ours)
