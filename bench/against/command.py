"""The command line of `python -m bench against`."""

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.against import bot, painting, pictures, previews
from bench.against.measuring import HEAD, Row, kept_rows, row_cells
from bench.against.painting import Trees
from bench.against.trees import Tree, run_in
from bench.report import machine_text, system_load, table, write
from bench.runner import ROOT, Setup, add_places, fetch_rival
from common.options import NETWORKS
from tools.checkouts import checked_out, git

AVX2 = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}
"""Restricts oneDNN, torch and MKL to AVX2, as on a processor without AVX-512."""
PARTS = (
    *("commands", "defaults", "overhead", "iterations", "rival", "crowsonkb", "tiles"),
    *("pictures", "previews", "bot"),
)


def run(chosen: argparse.Namespace) -> None:
    """Measure what was asked for.

    Raises:
        BenchError: it cannot be measured.
    """
    with tempfile.TemporaryDirectory() as work:
        setup = Setup(
            content=chosen.content.resolve(),
            style=chosen.style.resolve(),
            out=chosen.out,
            work=chosen.keep.resolve() if chosen.keep else Path(work),
            weights=(chosen.weights or _original(Path(work))).resolve(),
            threads=chosen.threads,
            size_px=128 if chosen.quick else chosen.size,
            rounds=1 if chosen.quick else chosen.rounds,
            quick=chosen.quick,
            environment=AVX2 if chosen.avx2 else {},
        )
        setup.check()
        setup.work.mkdir(parents=True, exist_ok=True)
        with checked_out(chosen.commit) as old:
            environment = {
                # As installed: modules are compiled once, not at each start.
                "PYTHONDONTWRITEBYTECODE": "",
                "PYTHONPYCACHEPREFIX": str(Path(work) / "bytecode"),
                **setup.environment,
            }
            trees = Trees((Tree("old", old), Tree("new", ROOT)), setup, environment)
            rows: list[Row] = []
            for part in chosen.only or PARTS:
                rows += _measured(trees, part, chosen.networks, chosen.crowsonkb)
                _write(setup, chosen, rows)  # after each part, as it may take hours


def _measured(trees: Trees, part: str, networks: Sequence[str], program: Path | None) -> list[Row]:
    def judged() -> list[Row]:
        layers = {"lite": {}, "vgg19": painting.VGG19_LAYERS}
        return [row for one in networks for row in pictures.judged(trees, one, layers[one])]

    def rival() -> list[Row]:
        fetch_rival()
        return painting.beside_neural_style(trees)

    def crowsonkb() -> list[Row]:
        if program is None:
            print("  without --crowsonkb FOLDER it is left out", flush=True)
            return []
        return painting.beside_crowsonkb(trees, program)

    setup = trees.setup
    measures: dict[str, Callable[[], list[Row]]] = {
        "commands": lambda: painting.whole_commands(trees, networks),
        "defaults": lambda: painting.with_defaults(trees, networks),
        "overhead": lambda: painting.overhead(trees),
        "iterations": lambda: painting.iterations(trees),
        "rival": rival,
        "crowsonkb": crowsonkb,
        "tiles": lambda: painting.tiles(trees),
        "pictures": judged,
        "previews": lambda: previews.first_painted(setup),
        "bot": lambda: bot.under_load(trees),
    }
    print(f"… {part}", flush=True)
    commit, load = git("rev-parse", "--short", "HEAD"), system_load()
    commit += "+" if git("diff", "HEAD", "--", ":!bench/results") else ""  # uncommitted changes
    rows = [replace(row, part=part, commit=commit, load=load) for row in measures[part]()]
    for row in rows:
        print("  " + " | ".join(row_cells(row)), flush=True)
    return rows


def _write(setup: Setup, chosen: argparse.Namespace, rows: Sequence[Row]) -> None:
    machine = setup.child("judge")["machine"]
    load = system_load()
    command = f"python -m bench against {chosen.commit}" + (" --avx2" if chosen.avx2 else "")
    told = machine_text(machine, quick=setup.quick, load=load, command=command)
    if chosen.avx2:
        told += "\nOnly instructions up to AVX2 were allowed to oneDNN, torch and MKL.\n"
    text = (
        "Old and new are the two commits, measured in turns in one run: medians, with the least "
        "and the greatest of the rounds. Seconds of processor are those of all threads. The last "
        "column has the commit of the new code and the load average as that part began: what was "
        "not measured again is kept.\n"
    )
    name = "against_avx2" if chosen.avx2 else "against"
    old = git("rev-parse", chosen.commit)
    rows = kept_rows(earlier_rows(setup.out / f"{name}.json", machine, old), rows, PARTS)
    figures = {"machine": machine, "load": load, "old": old, "rows": rows}
    parts = [told, text, table(HEAD, [row_cells(row) for row in rows])]
    write(setup.out / f"{name}.md", f"This code beside {chosen.commit}", parts, figures)
    print(f"Written to {setup.out / name}.md.")


def earlier_rows(file: Path, machine: Mapping[str, Any], old: str) -> list[Row]:
    """Earlier results for the same machine and the same older commit, which may be abbreviated."""
    if not file.is_file():
        return []
    figures = json.loads(file.read_text("utf-8"))
    if figures["machine"] != machine or not old.startswith(figures["old"]):
        return []
    rows = figures["rows"]
    return [Row(**{**one, "old": tuple(one["old"]), "new": tuple(one["new"])}) for one in rows]


def _original(folder: Path) -> Path:
    """Write the original VGG-19 to a file, since old code does not know the package with it."""
    file = folder / "vgg19.safetensors"
    run_in(Tree("new", ROOT), ["-m", "bench.children.original", file], threads=1, environment={})
    return file


def add_arguments(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command line of `python -m bench against`."""
    parser = parts.add_parser(
        "against",
        description="This code beside an older commit, in turns, as ratios with their targets.",
        help="this code beside an older commit",
    )
    parser.set_defaults(run=run)
    parser.add_argument("commit", help="such as 2f6707f; it is checked out beside this one")
    parser.add_argument("--only", nargs="+", choices=PARTS)
    parser.add_argument(
        "--networks", nargs="+", choices=NETWORKS, default=NETWORKS, help="of commands and pictures"
    )
    parser.add_argument("--quick", action="store_true", help="only see whether everything runs")
    parser.add_argument("--avx2", action="store_true", help="as on a processor without AVX-512")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--size", type=int, default=512, help="px, of the longest side")
    parser.add_argument("--weights", type=Path, help="other weights of VGG-19")
    parser.add_argument(
        "--crowsonkb",
        type=Path,
        help="folder of crowsonkb's program with torchvision, see docs/pictures.md",
    )
    parser.add_argument("--keep", type=Path, help="keep the pictures in this folder")
    add_places(parser)
