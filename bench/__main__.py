"""`python -m bench`: measure the engine beside its rivals. `python -m bench gpu`: a GPU.

`python -m bench against COMMIT` measures this code beside an older commit.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import gpu
from bench.against import command as against
from bench.plots import plot_judged_runs, plot_sizes
from bench.report import machine_text, paces_text, quality_text, speed_text, system_load, write
from bench.rivals import compare_paces, judged_runs
from bench.runner import (
    DEFAULT_CONTENT,
    DEFAULT_STYLE,
    ROOT,
    BenchError,
    Setup,
    fetch_rivals,
)
from bench.speed import cases, measure

PARTS = ("rivals", "speed", "quality")
Part = tuple[str, Sequence[Any], list[str]]
"""A part's title, its figures, and its text in pieces."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; 0, or 2 with a sentence on stderr."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["against"]:
        return against.main(given[1:])
    chosen = _parser().parse_args(given)
    with tempfile.TemporaryDirectory() as work:
        setup = Setup(
            weights=chosen.weights and chosen.weights.resolve(),
            content=chosen.content.resolve(),
            style=chosen.style.resolve(),
            out=chosen.out,
            work=chosen.keep.resolve() if chosen.keep else Path(work),
            threads=chosen.threads,
            size_px=chosen.size,
            rounds=chosen.rounds,
            largest_px=chosen.largest,
            quick=chosen.quick,
        )
        try:
            setup.check()
            setup.work.mkdir(parents=True, exist_ok=True)
            setup.out.mkdir(parents=True, exist_ok=True)
            if chosen.what == "gpu":
                gpu.run(setup, chosen.device)
            else:
                _cpu(setup, chosen.only or PARTS)
        except BenchError as problem:
            print(problem, file=sys.stderr)
            return 2
    return 0


def _cpu(setup: Setup, parts: Sequence[str]) -> None:
    machine = setup.child("judge")["machine"]
    if {"rivals", "quality"} & set(parts):
        fetch_rivals()
    measures = {"rivals": _rivals, "quality": _quality, "speed": _speed}
    for part in parts:
        title, figures, texts = measures[part](setup)
        path = setup.out / f"{part}.md"
        texts = [machine_text(machine, quick=setup.quick, load=system_load()), *texts]
        write(path, title, texts, {"machine": machine, part: figures})
        print(f"Written to {path}.", flush=True)


def _rivals(setup: Setup) -> Part:
    print("… an iteration beside the rivals", flush=True)
    found = compare_paces(setup)
    return "An iteration to relu5_1, beside the rivals", found, [paces_text(found)]


def _quality(setup: Setup) -> Part:
    print("… time to a style distance", flush=True)
    found = judged_runs(setup)
    plot_judged_runs(found, setup.out)
    plot = "![Held-out style distance against time](quality.png)\n"
    return "Time to a held-out style distance", found, [quality_text(found), plot]


def _speed(setup: Setup) -> Part:
    found = []
    for case in cases(quick=setup.quick):
        if case.size_px > setup.largest_px:
            continue
        print(f"… {case.table}: {case.name}, {case.size_px} px", flush=True)
        found.append(measure(setup, case))
    plot_sizes(found, setup.out)
    plot = "![Seconds and memory against size](sizes.png)\n"
    return "Seconds an iteration, and peak memory", found, [speed_text(found), plot]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="some parts of the CPU's")
    parser.add_argument("--quick", action="store_true", help="only see whether everything runs")
    parser.add_argument("--weights", type=Path, help="other weights of VGG-19")
    parser.add_argument("--content", type=Path, default=DEFAULT_CONTENT)
    parser.add_argument("--style", type=Path, default=DEFAULT_STYLE)
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "results")
    parser.add_argument("--keep", type=Path, help="keep the pictures in this folder")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--size", type=int, default=512, help="px, for rivals and quality")
    parser.add_argument("--rounds", type=int, default=3, help="of the rivals' paces")
    parser.add_argument("--largest", type=int, default=2048, help="px, of the sizes for speed")
    parser.add_argument("--device", default="cuda:0", help="the GPU, for gpu")
    return parser


if __name__ == "__main__":
    sys.exit(main())
