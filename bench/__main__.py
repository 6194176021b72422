"""`python -m bench`: measure the engine beside its rivals. `python -m bench gpu`: a GPU."""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import gpu
from bench.plots import plot_courses, plot_sizes
from bench.report import machine_text, paces_text, quality_text, speed_text, write
from bench.rivals import compare_paces, courses
from bench.runner import (
    DEFAULT_CONTENT,
    DEFAULT_STYLE,
    DEFAULT_WEIGHTS,
    ROOT,
    BenchProblem,
    Setup,
    fetch_rivals,
)
from bench.speed import cases, measure

PARTS = ("speed", "rivals", "quality")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; 0, or 2 with a sentence on stderr."""
    chosen = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory() as work:
        setup = Setup(
            weights=chosen.weights.resolve(),
            content=chosen.content.resolve(),
            style=chosen.style.resolve(),
            out=chosen.out,
            work=chosen.keep.resolve() if chosen.keep else Path(work),
            threads=chosen.threads,
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
        except BenchProblem as problem:
            print(problem, file=sys.stderr)
            return 2
    return 0


def _cpu(setup: Setup, parts: Sequence[str]) -> None:
    machine = setup.child("judge")["machine"]
    figures: dict[str, Any] = {"machine": machine}
    texts = [machine_text(machine, quick=setup.quick)]
    if "rivals" in parts or "quality" in parts:
        fetch_rivals()
    if "rivals" in parts:
        print("… an iteration beside the rivals", flush=True)
        paces = compare_paces(setup)
        figures["paces"] = paces
        texts.append(paces_text(paces))
    if "quality" in parts:
        print("… time to a style distance", flush=True)
        found = courses(setup)
        figures["courses"] = found
        texts.append(quality_text(found))
        plot_courses(found, setup.out)
        texts.append("![Held-out style distance against time](quality.png)\n")
    if "speed" in parts:
        measured = []
        for case in cases(quick=setup.quick):
            print(f"… {case.table}: {case.name}, {case.size_px} px", flush=True)
            measured.append(measure(setup, case))
        figures["speed"] = measured
        texts.append(speed_text(measured))
        plot_sizes(measured, setup.out)
        texts.append("![Seconds and memory against size](sizes.png)\n")
    write(setup.out / "cpu.md", "The engine on a CPU", texts, figures)
    print(f"Written to {setup.out / 'cpu.md'}.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="some parts of the CPU's")
    parser.add_argument("--quick", action="store_true", help="only see whether everything runs")
    parser.add_argument("--weights", type=Path, default=DEFAULT_WEIGHTS, help="VGG-19's weights")
    parser.add_argument("--content", type=Path, default=DEFAULT_CONTENT)
    parser.add_argument("--style", type=Path, default=DEFAULT_STYLE)
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "results")
    parser.add_argument("--keep", type=Path, help="keep the pictures in this folder")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--device", default="cuda:0", help="the GPU, for gpu")
    return parser


if __name__ == "__main__":
    sys.exit(main())
