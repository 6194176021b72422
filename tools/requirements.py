"""Which packages to install: torch for processors is a tenth of the size of torch with CUDA.

    python -m tools.requirements cpu          writes the lock files for processors
    python -m tools.requirements choose dev   prints the options of `uv pip sync` for this machine
    python -m tools.requirements cuda         puts torch with CUDA in the place of the one without

PyPI has only the CUDA build of torch for Linux on x86-64, which is large, and only the CPU build
for Windows; PyTorch's own index has the others. `choose` runs before anything is installed, so this
module uses only the standard library.
"""

import argparse
import platform
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from common.gpus import nvidia_cards

ROOT = Path(__file__).resolve().parents[1]
INDEX = "https://download.pytorch.org/whl"
CPU_INDEX = f"{INDEX}/cpu"
HOW_TO_CHOOSE = "https://pytorch.org/get-started/locally/"
TIMEOUT_SECONDS = 10.0

_ONLY_CUDA = re.compile(r"(nvidia-|cuda-|triton)")
_TOOLKIT = re.compile(r"^cuda-toolkit==(\d+)\.(\d+)", re.MULTILINE)
_TORCH = re.compile(r"^torch==([\w.]+)", re.MULTILINE)
_ON_LINUX = "sys_platform == 'linux' and platform_machine == 'x86_64'"
_ELSEWHERE = "sys_platform != 'linux' or platform_machine != 'x86_64'"

_HEAD = f"""\
# For processors only, made from {{lock}} by `make lock`. Without hashes: the builds of PyTorch's
# index are others than those of Python's own. An NVIDIA card wants {{lock}} instead.
--extra-index-url {CPU_INDEX}
"""


def cpu_lock(lock: str, name: str) -> str:
    """The lock file for the CPU build.

    Args:
        lock: content of the ordinary lock file, as written by uv.
        name: file name of the ordinary one, for the header.
    """
    lines = [_HEAD.format(lock=name).rstrip()]
    for line in lock.splitlines():
        if not line or line[0] in " #-":
            continue  # hashes, comments and options
        wanted = line.removesuffix("\\").strip()
        if _ONLY_CUDA.match(wanted):
            continue
        if torch := _TORCH.match(wanted):
            lines.append(f"torch=={torch[1]}+cpu ; {_ON_LINUX}")
            lines.append(f"torch=={torch[1]} ; {_ELSEWHERE}")
        else:
            lines.append(wanted)
    return "\n".join(lines) + "\n"


def cuda_command(lock: str, build: str | None = None) -> list[str]:
    """The command that installs torch with CUDA, in the locked version.

    Args:
        lock: content of the ordinary lock file.
        build: name in PyTorch's index, such as `cu126`; None for the lock file's CUDA version.
    """
    torch, toolkit = _TORCH.search(lock), _TOOLKIT.search(lock)
    if torch is None or toolkit is None:
        raise ValueError("this is no lock file with torch and CUDA")
    build = build or f"cu{toolkit[1]}{toolkit[2]}"
    # Otherwise pip considers the installed torch to be the requested one.
    options = ["--force-reinstall", "--no-deps", "--index-url", f"{INDEX}/{build}"]
    return [sys.executable, "-m", "pip", "install", *options, f"torch=={torch[1]}"]


def answers(address: str) -> bool:
    """Whether a package index is reachable."""
    try:
        with urllib.request.urlopen(f"{address}/torch/", timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False


def choose(
    kind: str,
    *,
    system: str,
    machine: str,
    cards: Callable[[], int] = nvidia_cards,
    reachable: Callable[[str], bool] = answers,
) -> tuple[str, list[str]]:
    """Why which packages are taken, in a sentence, and what `uv pip sync` is to be given.

    Args:
        kind: `run`, or `dev` for what checks and tests besides.
        system: as `platform.system()` says it.
        machine: as `platform.machine()` says it.
        cards: counts the cards for CUDA.
        reachable: whether an index answers.
    """
    middle = "-dev" if kind == "dev" else ""
    ordinary = f"requirements{middle}.lock"
    if system == "Windows" and cards():
        why = (
            "The ordinary packages: Python's index has torch for Windows without CUDA. An NVIDIA "
            "card is here: `python -m tools.requirements cuda` installs the build for it."
        )
        return why, [ordinary]
    if (system, machine) != ("Linux", "x86_64"):
        return "The ordinary packages: torch has one build for this system.", [ordinary]
    if cards():
        return "An NVIDIA card is here: torch with CUDA.", [ordinary]
    if not reachable(CPU_INDEX):
        why = (
            "No NVIDIA card is here, but PyTorch's own index does not answer: the ordinary "
            "packages, with CUDA (about 4 GB), which paint on processors as well."
        )
        return why, [ordinary]
    # By default uv uses the first index that has the package at all.
    return (
        "No NVIDIA card is here: torch for processors, from PyTorch's own index.",
        ["--index-strategy", "unsafe-best-match", f"requirements-cpu{middle}.lock"],
    )


def install_cuda(build: str | None) -> int:
    """Print and run `cuda_command`. Returns pip's exit status."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    command = cuda_command(lock, build)
    print(" ".join(command), file=sys.stderr, flush=True)
    status = subprocess.run(command, check=False).returncode
    if status:
        print(
            f"torch is as it was. {HOW_TO_CHOOSE} says which builds there are; name one as in "
            "`python -m tools.requirements cuda cu126`.",
            file=sys.stderr,
        )
    return status


def main(arguments: list[str] | None = None) -> int:
    """Run one of the three commands. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.requirements", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("cpu", help="write the lock files for processors")
    choice = commands.add_parser("choose", help="what to install on this machine")
    choice.add_argument("kind", choices=("run", "dev"))
    cuda = commands.add_parser("cuda", help="install torch for an NVIDIA card, some 3 GB")
    cuda.add_argument("build", nargs="?", help="another than that of the lock file, such as cu126")
    asked = parser.parse_args(arguments)
    if asked.command == "cuda":
        return install_cuda(asked.build)
    if asked.command == "cpu":
        for middle in ("", "-dev"):
            name = f"requirements{middle}.lock"
            text = cpu_lock((ROOT / name).read_text(encoding="utf-8"), name)
            (ROOT / f"requirements-cpu{middle}.lock").write_text(text, encoding="utf-8")
        return 0
    why, options = choose(asked.kind, system=platform.system(), machine=platform.machine())
    print(why, file=sys.stderr)
    print(" ".join(options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
