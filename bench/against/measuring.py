"""Measures both trees alternately; the results are rows of a table."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.against.trees import Tree


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    """What was measured."""
    unit: str
    """Unit of the figures."""
    old: tuple[float, ...]
    """One value per round, of the old tree."""
    new: tuple[float, ...]
    """One value per round, of the new tree."""
    most_ratio: float | None = None
    """Target: maximum ratio of the medians of `new` and `old`; None for none."""
    most: float | None = None
    """Target: maximum median of `new`; None for none."""
    remark: str = ""
    """A remark."""
    part: str = ""
    """The part of the command that measured it."""
    commit: str = ""
    """The commit of the new code; with a plus where it was changed."""
    load: float = 0.0
    """The load average of the machine."""

    @property
    def ratio(self) -> float | None:
        """Ratio of the medians; None if one was not measured."""
        if not self.old or not self.new:
            return None
        old = statistics.median(self.old)
        return statistics.median(self.new) / old if old else None

    @property
    def kept(self) -> bool | None:
        """Whether the target was met; None without a target or a measurement."""
        if not self.new or (self.most is None and self.most_ratio is None):
            return None
        within = self.most is None or statistics.median(self.new) <= self.most
        if self.most_ratio is None:
            return within
        return within and self.ratio is not None and self.ratio <= self.most_ratio


def in_turns(
    trees: Sequence[Tree], rounds: int, measure: Callable[[Tree], dict[str, float]]
) -> dict[str, tuple[tuple[float, ...], tuple[float, ...]]]:
    """Values by name, of the old and the new tree, measured alternately.

    The order alternates from round to round, so that neither tree always comes second.
    """
    found: dict[str, dict[str, list[float]]] = {}
    for number in range(rounds):
        for tree in trees if number % 2 == 0 else reversed(trees):
            for name, figure in measure(tree).items():
                found.setdefault(name, {"old": [], "new": []})[tree.name].append(figure)
    return {name: (tuple(both["old"]), tuple(both["new"])) for name, both in found.items()}


def spread(figures: Sequence[float]) -> str:
    """The median, with minimum and maximum if there are several."""
    if not figures:
        return "–"
    digits = 3 if max(figures) < 1 else 2 if max(figures) < 100 else 0
    text = f"{statistics.median(figures):.{digits}f}"
    if len(figures) > 1:
        text += f" ({min(figures):.{digits}f} to {max(figures):.{digits}f})"
    return text


def row_cells(row: Row) -> tuple[str, ...]:
    """A row as it is printed."""
    targets = []
    if row.most_ratio is not None:
        targets.append(f"{row.most_ratio:g} ×")
    if row.most is not None:
        targets.append(f"{row.most:g} {row.unit}")
    ratio = "–" if row.ratio is None else f"{row.ratio:.2f}"
    mark = {True: "yes", False: "no", None: ""}[row.kept]
    name = f"{row.name}, {row.unit}" + (f" ({row.remark})" if row.remark else "")
    measured = f"{row.commit}, {row.load:.0f}" if row.commit else ""
    return name, spread(row.old), spread(row.new), ratio, " and ".join(targets), mark, measured


HEAD = ("", "old", "new", "ratio", "target", "met", "of, at load")


def kept_rows(earlier: Sequence[Row], rows: Sequence[Row], order: Sequence[str]) -> list[Row]:
    """The rows, plus those of an earlier run that were not measured this time.

    Args:
        earlier: rows for the same machine and the same older commit.
        rows: measured now.
        order: of the parts.
    """
    now = {row.name for row in rows}
    all_rows = [*rows, *(row for row in earlier if row.part in order and row.name not in now)]
    return sorted(all_rows, key=lambda row: order.index(row.part))
