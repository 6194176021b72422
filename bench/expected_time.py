"""Accuracy of the time that a member is shown from queueing on: `python -m bench.expected_time`.

Thirty jobs of five sizes, half of them under load from other programs: a real worker paints them
from a real queue, and what the queue says about them is compared with what they took. Each size is
painted when the engine has only tried its pace, after one job of another size, and after one of
this size.

On a machine that is busy otherwise, use `--clock processor`: painter, queue and table then use
processor time, doubled in the runs under load.
"""

import argparse
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.children.judge import machine
from bench.report import publish, table
from bench.runner import add_places, command_of, run, setup_of
from bench.time_left import EARLY_FACTOR, LATER_FACTOR, LOAD, Told, other_work, result_name, told

SIZES_PX = (192, 256, 384, 512, 768)


@dataclass(frozen=True)
class Expected:
    """What was expected of a job, and what it took."""

    size_px: int
    known: str
    """What the queue had measured before."""
    loaded: bool
    """Whether other programs used the processor."""
    expected: float
    """Seconds of painting predicted when it was queued."""
    seconds: float
    """Seconds until it was done; nothing else was queued."""
    errors: Told
    """Of all that was told, as factors."""


def expected_of(record: dict[str, Any], *, loaded: bool) -> Expected:
    """A job as the child recorded it."""
    size_px, expected, seconds = record["size_px"], record["expected"], record["seconds"]
    errors = told(size_px, record, loaded=loaded)
    return Expected(size_px, record["known"], loaded, expected, seconds, errors)


def expected_text(jobs: Sequence[Expected]) -> str:
    """One row for each size and what was known, idle and loaded together."""
    rows = []
    for known, size_px in dict.fromkeys((one.known, one.size_px) for one in jobs):
        some = [one for one in jobs if (one.known, one.size_px) == (known, size_px)]
        first = [max(one.expected / one.seconds, one.seconds / one.expected) for one in some]
        early = [factor for one in some for factor in one.errors.early]
        later = [factor for one in some for factor in one.errors.later]
        rows.append(
            (
                f"{size_px} px, {known} measured",
                str(len(some)),
                f"{statistics.mean(one.expected / one.seconds for one in some):.2f}",
                *(f"{max(of):.2f}" if of else "–" for of in (first, early, later)),
            )
        )
    head = (
        "",
        "jobs",
        "expected / took",
        "when queued, worst",
        f"before a tenth, worst (bar: {EARLY_FACTOR})",
        f"later, worst (bar: {LATER_FACTOR})",
    )
    return table(head, rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.expected_time", description=__doc__)
    parser.add_argument("--clock", choices=("wall", "processor"), default="wall")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--network", default="lite")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES_PX))
    add_places(parser)
    chosen = parser.parse_args(arguments)
    setup = setup_of(chosen, THP_MEM_ALLOC_ENABLE="1")
    by_wall = chosen.clock == "wall"
    found: list[Expected] = []
    for loaded in (False, True):
        print(f"… {'loaded' if loaded else 'idle'}", flush=True)
        clock: dict[str, Any] = {} if by_wall else {"load": LOAD if loaded else 1.0}
        with other_work(wanted=loaded and by_wall):
            task = {"sizes_px": chosen.sizes, "network": chosen.network}
            answer = setup.child("expected_times", **task, **clock)
        found += [expected_of(record, loaded=loaded) for record in answer["jobs"]]
    said = f"The clock was that of the {'wall' if by_wall else 'processor'}; an error of less than "
    said += "half a second counts as none, except when queued.\n\n"
    publish(
        chosen.out / result_name("expected_time", chosen),
        "The expected time",
        said + expected_text(found),
        [asdict(one) for one in found],
        machine={**machine("cpu"), "threads": chosen.threads},
        command=command_of("expected_time", chosen),
        quick=False,
    )


if __name__ == "__main__":
    run(main)
