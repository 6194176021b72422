"""Shared setup of the engine's measurements, and running children."""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"
NEURAL_STYLE = "neural-style 0.5.7"
RIVAL = ROOT / "build" / "bench-rivals"
RIVAL_WANTED = ("neural-style==0.5.7", "torchvision")
_DATA = ROOT / "../shared"
DEFAULT_CONTENT = _DATA / "images/content/golden_gate.jpg"
DEFAULT_STYLE = _DATA / "images/style/starry_night.jpg"


class BenchError(Exception):
    """The benchmark cannot be run; the text says why and what to do."""


@dataclass(frozen=True)
class Setup:
    """What all measurements share."""

    content: Path
    """The photograph."""
    style: Path
    """The painting."""
    out: Path
    """Folder of the tables."""
    work: Path
    """Folder for pictures along the way."""
    weights: Path | None = None
    """A file of VGG-19's weights; None for the original's, from the package."""
    threads: int = 1
    """CPU threads, the same for all."""
    size_px: int = 512
    """Longest side of what is painted."""
    rounds: int = 3
    """How often each value is measured, alternating."""
    quick: bool = False
    """Only check that everything runs."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Environment variables of everything measured, such as limits on processor instructions."""

    def check(self) -> None:
        """Raise BenchError if a file is missing."""
        for option, file in (
            ("--weights", self.weights),
            ("--content", self.content),
            ("--style", self.style),
        ):
            if file is not None and not file.is_file():
                raise BenchError(f"There is no file {file}; name one with {option}.")

    def child(self, name: str, **task: Any) -> dict[str, Any]:
        """Run a child with the shared inputs and its own task; returns its answer.

        Raises:
            BenchError: it failed.
        """
        whole = {
            "weights": None if self.weights is None else str(self.weights),
            "content": str(self.content),
            "style": str(self.style),
            "threads": self.threads,
            **task,
        }
        path = os.pathsep.join((str(ROOT), str(RIVAL)))
        done = subprocess.run(
            [sys.executable, "-m", f"bench.children.{name}"],
            input=json.dumps(whole),
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env={
                **os.environ,
                **self.environment,
                "PYTHONPATH": path,
                "OMP_NUM_THREADS": str(self.threads),
            },
        )
        lines = done.stdout.strip().splitlines()
        if done.returncode != 0 or not lines:
            tail = "\n".join(done.stderr.strip().splitlines()[-4:])
            raise BenchError(f"{name} failed: {tail}")
        found: dict[str, Any] = json.loads(lines[-1])
        return found


def run(main: Callable[[], int | None], *troubles: type[Exception]) -> None:
    """Run a program; expected errors are printed as a sentence, without a traceback."""
    expected: tuple[type[Exception], ...] = (BenchError, *troubles)
    try:
        raise SystemExit(main())
    except expected as problem:
        raise SystemExit(str(problem)) from None


def add_places(parser: argparse.ArgumentParser) -> None:
    """Arguments for the input pictures and the output folder."""
    parser.add_argument("--content", type=Path, default=DEFAULT_CONTENT)
    parser.add_argument("--style", type=Path, default=DEFAULT_STYLE)
    parser.add_argument("--out", type=Path, default=RESULTS)


def setup_of(chosen: argparse.Namespace, **environment: str) -> Setup:
    """The setup that the arguments of `add_places` and `--threads` describe.

    Args:
        chosen: the arguments.
        environment: see `Setup.environment`.

    Raises:
        BenchError: a file is missing.
    """
    setup = Setup(
        chosen.content.resolve(),
        chosen.style.resolve(),
        chosen.out,
        chosen.out,
        threads=chosen.threads,
        environment=environment,
    )
    setup.check()
    return setup


def command_of(name: str, chosen: argparse.Namespace) -> str:
    """The command line of a module of this package, without places, which are a machine's own."""
    words = [f"python -m bench.{name}"]
    for option, value in vars(chosen).items():
        if option not in {"content", "style", "out"}:
            words += [f"--{option}", *map(str, value if isinstance(value, list) else [value])]
    return " ".join(words)


def fetch_rival() -> None:
    """Install neural-style into a separate folder, if it is not there yet.

    Without dependencies, so that it uses the engine's torch and Pillow.

    Raises:
        BenchError: the package index cannot be reached.
    """
    if (RIVAL / "neural_style").is_dir():
        return
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    installer = [uv, "pip"] if uv else [sys.executable, "-m", "pip"]
    done = subprocess.run(
        [*installer, "install", "--quiet", "--no-deps", "--target", str(RIVAL), *RIVAL_WANTED],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BenchError("neural-style cannot be installed from the package index.")
