"""How right the time is that is shown while a picture is painted: `python -m bench.time_left`.

Thirty paintings of five sizes, half of them while other programs want the processor too; after
each iteration the time left that the engine tells is compared with the time that it then took.

Where others compute on the same machine, `--clock processor` measures what the engine itself can
know: painter and table then go by a clock of the seconds that the processor worked for it, twice
as quick where the machine counts as loaded.
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
from bench.runner import ROOT, Setup, add_places, run

SIZES_PX = (192, 256, 320, 384, 512)
LOAD = 2.0
"""Seconds that pass for one of work where another program computes all the time."""
EARLY, EARLY_FACTOR, LATER_FACTOR = 0.1, 1.5, 1.25
_LAST = 0.98
"""Of what little is left at the end, any factor is of a second or less."""
_UNSEEN_SECONDS = 0.5
"""Whole seconds are shown, so that nobody sees an error of less than half a one."""


@dataclass(frozen=True)
class Told:
    """The times told of one painting, as factors of those that it took, 1 or more.

    Attributes:
        size_px: its longest side.
        loaded: whether other programs wanted the processor.
        early: before a tenth of the time; told from a cold start on.
        later: from then on.
    """

    size_px: int
    loaded: bool
    early: tuple[float, ...]
    later: tuple[float, ...]


def told(size_px: int, answer: dict[str, Any], *, loaded: bool) -> Told:
    """What was told of a painting that is done."""
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
    """A process for each processor that computes all the time, if it is wanted."""
    command, count = [sys.executable, "-c", "while True: pass"], os.cpu_count() or 1
    with contextlib.ExitStack() as others:
        for _ in range(count if wanted else 0):
            others.callback(others.enter_context(subprocess.Popen(command)).kill)
        yield


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.time_left", description=__doc__)
    parser.add_argument("--each", type=int, default=3, help="paintings of a size, idle and loaded")
    parser.add_argument("--clock", choices=("wall", "processor"), default="wall")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--network", default="lite")
    add_places(parser)
    chosen = parser.parse_args(arguments)
    content, style = chosen.content.resolve(), chosen.style.resolve()
    setup = Setup(content, style, chosen.out, chosen.out, threads=chosen.threads)
    setup.check()
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
        chosen.out / ("time_left.md" if by_wall else "time_left_processor.md"),
        "The time left that is shown",
        said + told_text(found),
        found,
        machine=machine("cpu"),
        command=f"python -m bench.time_left --clock {chosen.clock}",
        quick=False,
    )


if __name__ == "__main__":
    run(main)
