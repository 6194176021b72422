"""The two checkouts that are compared, and running commands in them."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.runner import BenchError

COMMAND_WITHIN_SECONDS = 4 * 3600.0
_LAUNCHER = Path(__file__).parent / "children" / "launch.py"


@dataclass(frozen=True)
class Tree:
    """A checkout of the code."""

    name: str
    """`old` or `new`."""
    root: Path
    """Its folder."""


@dataclass(frozen=True)
class Ran:
    """Resource usage and output of a command."""

    processor_seconds: float
    """Processor time of all its threads and of the processes it waited for."""
    peak_bytes: int
    """Peak resident memory of its largest process."""
    output: str
    """What it printed."""


def run_in(
    tree: Tree,
    arguments: Sequence[str | Path],
    *,
    threads: int,
    environment: dict[str, str],
    stdin: str | None = None,
) -> Ran:
    """Run `python` with these arguments on a tree's code, and measure it.

    Raises:
        BenchError: it failed, or took longer than anything here should.
    """
    whole = {
        **os.environ,
        **environment,
        "PYTHONPATH": str(tree.root),
        "OMP_NUM_THREADS": str(threads),
    }
    command = [sys.executable, *(str(one) for one in arguments)]
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as output,
        tempfile.TemporaryFile("w+", encoding="utf-8") as errors,
        tempfile.TemporaryFile("w+", encoding="utf-8") as given,
        tempfile.NamedTemporaryFile("r", encoding="utf-8") as usage,
    ):
        given.write(stdin or "")
        given.seek(0)
        done = subprocess.run(
            [sys.executable, "-I", "-S", _LAUNCHER, usage.name, *command],
            cwd=tree.root,
            env=whole,
            stdin=given,
            stdout=output,
            stderr=errors,
            timeout=COMMAND_WITHIN_SECONDS,
            check=False,
        )
        output.seek(0)
        errors.seek(0)
        said = output.read()
        if done.returncode != 0:
            tail = "\n".join(errors.read().strip().splitlines()[-4:])
            raise BenchError(f"`{' '.join(command[1:4])} …` failed in {tree.name}: {tail}")
        figures = json.load(usage)
    return Ran(figures["processor_seconds"], figures["peak_bytes"], said)
