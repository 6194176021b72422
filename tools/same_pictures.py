"""`python -m tools.same_pictures`: whether an older commit paints the same pictures as this code.

Checks the commit out into a temporary worktree, paints small pictures of every kind with both,
with the same seed, in float32 and on one thread, and compares them to the last byte.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tools.checkouts import ROOT, checked_out

_SCRIPT = Path(__file__).with_name("paintings.py")


def main() -> int:
    """Paint with both and compare; returns 0 if all are equal."""
    parser = argparse.ArgumentParser(prog="python -m tools.same_pictures", description=__doc__)
    parser.add_argument("names", nargs="*", help="of paintings; default all")
    parser.add_argument("--commit", default="HEAD", help="default %(default)s: what changed since")
    chosen = parser.parse_args()
    with checked_out(chosen.commit) as old:
        before, now = _paint(old, chosen.names), _paint(ROOT, chosen.names)
    differing = [name for name in now if before[name] != now[name]]
    for name, made in now.items():
        print(f"{'DIFFERS' if name in differing else 'same':8}{name}")
        if name in differing:
            print(f"  before {before[name]}\n  now    {made}")
    print(f"{len(now) - len(differing)} of {len(now)} are the same")
    return 1 if differing else 0


def _paint(tree: Path, names: list[str]) -> dict[str, dict[str, Any]]:
    made = subprocess.run(
        [sys.executable, "-P", str(_SCRIPT), *names],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, dict[str, Any]] = json.loads(made.stdout)
    return found


if __name__ == "__main__":
    sys.exit(main())
