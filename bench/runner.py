"""Running children, and where their inputs and the rivals are."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RIVALS = ROOT / "build" / "bench-rivals"
RIVALS_WANTED = ("neural-style==0.5.7", "pystiche==1.0.1", "torchvision", "tqdm")
_DATA = ROOT / "../shared"
DEFAULT_CONTENT = _DATA / "images/content/golden_gate.jpg"
DEFAULT_STYLE = _DATA / "images/style/starry_night.jpg"


class BenchError(Exception):
    """The benchmark cannot run; the text says why and what to do."""


@dataclass(frozen=True)
class Setup:
    """What all measurements share."""

    weights: Path | None
    """A file of VGG-19's weights; None for the original's, which come along."""
    content: Path
    """The photograph."""
    style: Path
    """The painting."""
    out: Path
    """Folder of the tables and plots."""
    work: Path
    """Folder for pictures along the way."""
    threads: int
    """Threads of the CPU, the same number for all."""
    size_px: int
    """Longest side of what is painted beside the rivals."""
    rounds: int
    """How often each rival's pace is measured, in turns."""
    largest_px: int
    """Larger sizes are left out where speed is measured by size."""
    quick: bool
    """Only see whether everything runs."""

    def check(self) -> None:
        """Raises BenchError when a file is absent."""
        for option, file in (
            ("--weights", self.weights),
            ("--content", self.content),
            ("--style", self.style),
        ):
            if file is not None and not file.is_file():
                raise BenchError(f"There is no file {file}; name one with {option}.")

    def child(self, name: str, **task: Any) -> dict[str, Any]:
        """Run a child with the shared inputs and its own task; what it answered.

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
        path = os.pathsep.join((str(ROOT), str(RIVALS)))
        done = subprocess.run(
            [sys.executable, "-m", f"bench.children.{name}"],
            input=json.dumps(whole),
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": str(self.threads)},
        )
        lines = done.stdout.strip().splitlines()
        if done.returncode != 0 or not lines:
            tail = "\n".join(done.stderr.strip().splitlines()[-4:])
            raise BenchError(f"{name} failed: {tail}")
        found: dict[str, Any] = json.loads(lines[-1])
        return found


def fetch_rivals() -> None:
    """Install the rivals into a folder of their own, if they are not there yet.

    Without their dependencies: torch and Pillow are those of the engine, so that all run on the
    same ones.

    Raises:
        BenchError: the index cannot be reached.
    """
    if (RIVALS / "pystiche").is_dir() and (RIVALS / "neural_style").is_dir():
        return
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    installer = [uv, "pip"] if uv else [sys.executable, "-m", "pip"]
    done = subprocess.run(
        [*installer, "install", "--quiet", "--no-deps", "--target", str(RIVALS), *RIVALS_WANTED],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BenchError("The rivals cannot be installed from the package index.")
