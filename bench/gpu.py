"""`python -m bench gpu`: three goals, one table."""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from bench.against.painting import Trees
from bench.against.trees import Tree
from bench.report import machine_text, table, write
from bench.runner import ROOT, BenchError, Setup, add_places

_GIB = 2**30


def add_arguments(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command line of `python -m bench gpu`."""
    parser = parts.add_parser("gpu", help="a GPU, with its goals")
    parser.set_defaults(run=run)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--quick", action="store_true", help="only see whether everything runs")
    parser.add_argument("--weights", type=Path, help="other weights of VGG-19")
    add_places(parser)


def run(chosen: argparse.Namespace) -> None:
    """Measure on the device and write `gpu.md` and `gpu.json`.

    Raises:
        BenchError: there is no such device.
    """
    with tempfile.TemporaryDirectory() as work:
        setup = Setup(
            content=chosen.content.resolve(),
            style=chosen.style.resolve(),
            out=chosen.out,
            work=Path(work),
            weights=chosen.weights and chosen.weights.resolve(),
            quick=chosen.quick,
        )
        setup.check()
        _measure(setup, chosen.device)


def _measure(setup: Setup, device: str) -> None:
    try:
        machine = setup.child("judge", device=device)["machine"]
    except BenchError as problem:
        raise BenchError(
            f"There is no GPU {device} that torch can use on this machine; nothing was measured."
        ) from problem
    trees = Trees((Tree("new", ROOT),), setup, {})
    rows, figures = [], {"machine": machine}
    for name, goal, task in _cases(quick=setup.quick):
        print(f"… {name}", flush=True)
        found = figures[name] = trees.iterate(trees.new, device=device, precision="auto", **task)
        rows.append(
            (
                name,
                f"{found['width_px']} × {found['height_px']}",
                str(found["iterations"]),
                str(found["tiles"]),
                f"{found['seconds']:.2f}",
                f"{found['device_peak_bytes'] / _GIB:.2f}",
                goal,
            )
        )
    head = ("", "pixels", "iterations", "tiles", "seconds", "peak GiB", "goal")
    parts = [machine_text(machine, quick=setup.quick), table(head, rows)]
    write(setup.out / "gpu.md", "The engine on a GPU", parts, figures)
    print(f"Written to {setup.out / 'gpu.md'}.")


def _cases(*, quick: bool) -> list[tuple[str, str, dict[str, Any]]]:
    first, large, largest = (128, 192, 256) if quick else (512, 2896, 4096)
    few = {"iterations": 3} if quick else {}
    vgg19 = {"network": "vgg19"}
    return [
        (
            f"{first} px, standard, warm",
            "0.6 s",
            # The first painting of a process compiles kernels; the second is what users experience.
            {"repeat": 2, "options": {**vgg19, "size_px": first, **few}},
        ),
        (
            f"{large} px, CK's schedule",
            "45 s",
            {
                "content_size": [large, large * 3 // 4],
                "options": {**vgg19, "size_px": large, "recipe": "wasserstein", **few},
            },
        ),
        (
            f"{largest} px within 8 GiB",
            "8 GiB",
            {
                "content_size": [largest, largest],
                "max_memory_bytes": 8 * _GIB,
                "options": {
                    **vgg19,
                    "size_px": largest,
                    "iterations": 3 if quick else 20,
                    "scales": 1,
                },
            },
        ),
    ]
