"""Seconds an iteration and peak memory: against size, tiles, precision and optimiser."""

import statistics
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from bench.runner import BenchError, Setup

Mark = tuple[int, float, float]


@dataclass(frozen=True)
class Case:
    """One thing to measure: which table it belongs to, its name, and the engine's task."""

    table: str
    name: str
    size_px: int
    options: dict[str, Any] = field(default_factory=dict)
    task: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """Medians over the iterations of one case, and the peak memory of its process."""

    case: Case
    width_px: int
    height_px: int
    tiles: int
    seconds: float
    processor_seconds: float
    peak_memory_bytes: int


def cases(*, quick: bool) -> list[Case]:
    """All cases, small first."""
    sizes = (64, 128) if quick else (256, 512, 1024, 2048)
    middle = 128 if quick else 512
    tiled = ((64, 128),) if quick else ((512, 1024), (512, 2048), (1024, 2048))
    return [
        *(Case("size", "untiled", size) for size in sizes),
        *(Case("size", f"tiles of {core} px", size, {"tile_px": core}) for core, size in tiled),
        *(Case("precision", name, middle, task={"precision": name}) for name in ("fp32", "bf16")),
        *(Case("optimiser", name, middle, {"optimizer": name}) for name in ("adam", "lbfgs")),
        *(
            Case("statistic", name, middle, {"style_statistic": name})
            for name in ("gram", "wasserstein")
        ),
        *(Case("pooling", name, middle, {"pooling": name}) for name in ("max", "average")),
    ]


def measure(setup: Setup, case: Case) -> Measured:
    """Run a case for a few iterations of one scale."""
    iterations = 4 if setup.quick else (4 if case.size_px >= 1024 else 6)
    found = setup.child(
        "atelier",
        options={"size_px": case.size_px, "scales": 1, "iterations": iterations, **case.options},
        **case.task,
    )
    wall, processor = paces(found["marks"])
    return Measured(
        case,
        found["width_px"],
        found["height_px"],
        found["tiles"],
        wall,
        processor,
        found["peak_memory_bytes"],
    )


def paces(marks: list[Mark], *, skip: int = 2) -> tuple[float, float]:
    """Median seconds of an iteration, by the wall and by the processor, without the first."""
    kept = [mark for mark in marks if mark[0] >= skip]
    steps = [
        (after[1] - before[1], after[2] - before[2])
        for before, after in pairwise(kept)
        if after[0] == before[0] + 1
    ]
    # The mark after the last iteration is the end of the painting, not of an iteration.
    steps = steps[:-1] or steps
    if not steps:
        raise BenchError("Too few iterations to tell their pace.")
    return statistics.median(step[0] for step in steps), statistics.median(
        step[1] for step in steps
    )
