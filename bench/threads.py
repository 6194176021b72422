"""How much sooner pictures are painted by fewer threads at small scales: `python -m bench.threads`.

A warm process paints each picture with the number of threads that the engine chooses for each scale
(`engine/threads.py`), with all threads, and with one, in turns.
"""

import argparse
import os
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from bench.children.judge import machine
from bench.children.paint_by_threads import ALL, BY_SCALE, ONE
from bench.report import publish, table
from bench.runner import add_places, command_of, run, setup_of

SIZES_PX = (256, 512, 768, 1024)


def row_of(found: Mapping[str, Any]) -> tuple[str, ...]:
    """Median seconds of the three ways, and two ratios."""
    by_scale, by_all, by_one = (statistics.median(found[way]) for way in (BY_SCALE, ALL, ONE))
    seconds = (f"{one:.2f}" for one in (by_scale, by_all, by_one))
    ratios = (f"{by_scale / by_all:.2f}", f"{by_scale / by_one:.2f}")
    return f"{found['network']}, {found['size_px']} px", *seconds, *ratios


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.threads", description=__doc__)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--networks", nargs="+", default=["lite", "vgg19"])
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES_PX))
    parser.add_argument("--rounds", type=int, default=3)
    add_places(parser)
    chosen = parser.parse_args(arguments)
    # The environment of the engine.
    setup = setup_of(chosen, GOMP_SPINCOUNT="300", THP_MEM_ALLOC_ENABLE="1")
    rows: list[dict[str, Any]] = []
    for network in chosen.networks:
        for size_px in chosen.sizes:
            task = {"network": network, "size_px": size_px, "rounds": chosen.rounds}
            rows.append({**task, **setup.child("paint_by_threads", **task)})
            print(" | ".join(row_of(rows[-1])), flush=True)
    head = ("", "by scale, s", "all, s", "one, s", "by scale / all", "by scale / one")
    publish(
        chosen.out / "threads.md",
        f"Painting with {chosen.threads} threads",
        "Seconds of a warm process, by the wall: medians of pictures painted in turns.\n\n"
        + table(head, [row_of(one) for one in rows]),
        rows,
        machine={**machine("cpu"), "threads": chosen.threads},
        command=command_of("threads", chosen),
        quick=False,
    )


if __name__ == "__main__":
    run(main)
