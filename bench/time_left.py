"""Accuracy of the time left that is shown during a painting: `python -m bench.time_left`.

Thirty paintings of five sizes, half of them under load from other programs. After each iteration
the engine's estimate of the time left is compared with the actual time.

On a machine that is busy otherwise, use `--clock processor`: painter and table then use processor
time, doubled in the runs under load.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bench.against.painting import Trees
from bench.against.trees import Tree
from bench.children.judge import machine
from bench.report import publish, table
from bench.runner import ROOT, add_places, command_of, run, setup_of

SIZES_PX = (192, 256, 320, 384, 512)
LOAD = 2.0
"""Assumed slowdown under load with `--clock processor`."""
EARLY, EARLY_FACTOR, LATER_FACTOR = 0.1, 1.5, 1.25
_LAST = 0.98
"""Estimates after this fraction are ignored: any error there is a second or less."""
_UNSEEN_SECONDS = 0.5
"""Errors below half a second are invisible, as whole seconds are shown."""


@dataclass(frozen=True)
class Told:
    """Errors of one painting's estimates, as factors of the actual time, 1 or more."""

    size_px: int
    """Its longest side."""
    loaded: bool
    """Whether other programs used the processor."""
    early: tuple[float, ...]
    """During the first tenth of the time."""
    later: tuple[float, ...]
    """After that."""


def told(size_px: int, answer: dict[str, Any], *, loaded: bool) -> Told:
    """The errors of a finished painting's estimates."""
    total: float = answer["seconds"]
    early: list[float] = []
    later: list[float] = []
    for now, _, left in answer["left"]:
        if left and now <= _LAST * total:
            factor = left / (total - now)
            seen = abs(left - (total - now)) >= _UNSEEN_SECONDS
            factor = max(factor, 1 / factor) if seen else 1.0
            (later if now >= EARLY * total else early).append(factor)
    return Told(size_px, loaded, tuple(early), tuple(later))


def told_text(paintings: Sequence[Told]) -> str:
    """One row for each size, idle and loaded."""
    rows = []
    for loaded in (False, True):
        for size in dict.fromkeys(one.size_px for one in paintings):
            some = [one for one in paintings if (one.size_px, one.loaded) == (size, loaded)]
            if not some:
                continue
            early = [factor for one in some for factor in one.early]
            later = [factor for one in some for factor in one.later]
            figures = [
                f"{measure(of):.2f}" if of else "–"
                for of in (early, later)
                for measure in (statistics.median, max)
            ]
            rows.append((f"{size} px, {'loaded' if loaded else 'idle'}", str(len(some)), *figures))
    head = (
        "",
        "paintings",
        "before a tenth: median",
        f"worst (bar: {EARLY_FACTOR})",
        "later: median",
        f"worst (bar: {LATER_FACTOR})",
    )
    return table(head, rows)


@contextlib.contextmanager
def other_work(*, wanted: bool) -> Iterator[None]:
    """Load: one busy process per processor, if wanted."""
    command, count = [sys.executable, "-c", "while True: pass"], os.cpu_count() or 1
    with contextlib.ExitStack() as others:
        for _ in range(count if wanted else 0):
            others.callback(others.enter_context(subprocess.Popen(command)).kill)
        yield


def result_name(measured: str, chosen: argparse.Namespace) -> str:
    """Name of the table: it says what is not as usual, lite by one thread and the wall's clock."""
    words = [measured]
    words += ["processor"] if chosen.clock == "processor" else []
    words += [chosen.network] if chosen.network != "lite" else []
    words += [f"{chosen.threads}_threads"] if chosen.threads != 1 else []
    return "_".join(words) + ".md"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.time_left", description=__doc__)
    parser.add_argument("--each", type=int, default=3, help="paintings of a size, idle and loaded")
    parser.add_argument("--clock", choices=("wall", "processor"), default="wall")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--network", default="lite")
    add_places(parser)
    chosen = parser.parse_args(arguments)
    setup = setup_of(chosen)
    new = Tree("new", ROOT)
    trees = Trees((new,), setup, {})
    found: list[Told] = []
    by_wall = chosen.clock == "wall"
    for loaded in (False, True):
        for size in SIZES_PX:
            for _ in range(chosen.each):
                count = f"{len(found) + 1} of {2 * len(SIZES_PX) * chosen.each}"
                print(f"… {count}: {size} px, {'loaded' if loaded else 'idle'}", flush=True)
                clock: dict[str, Any] = {} if by_wall else {"load": LOAD if loaded else 1.0}
                with other_work(wanted=loaded and by_wall):
                    options = {"network": chosen.network, "size_px": size}
                    answer = trees.iterate(new, options=options, **clock)
                found.append(told(size, answer, loaded=loaded))
    said = f"The clock was that of the {'wall' if by_wall else 'processor'}; "
    said += f"an error of less than {_UNSEEN_SECONDS:g} s counts as none.\n\n"
    publish(
        chosen.out / result_name("time_left", chosen),
        "The time left that is shown",
        said + told_text(found),
        found,
        machine={**machine("cpu"), "threads": chosen.threads},
        command=command_of("time_left", chosen),
        quick=False,
    )


if __name__ == "__main__":
    run(main)
