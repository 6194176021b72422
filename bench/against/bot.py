"""Both trees' bots under 50 concurrent `/paint` with photographs of 2000 px."""

import json
import statistics
import tempfile
from pathlib import Path

from bench.against.measuring import Row, in_turns
from bench.against.painting import Trees
from bench.against.trees import Tree, run_in

_MIB = 2**20


def under_load(trees: Trees) -> list[Row]:
    """Time until places are shown, and memory after a hundred commands."""
    at_once, rounds, side = (3, 1, 200) if trees.setup.quick else (50, 2, 2000)

    def measured(tree: Tree) -> dict[str, float]:
        with tempfile.TemporaryDirectory() as folder:
            load = ["--at-once", str(at_once), "--rounds", str(rounds), "--side", str(side)]
            run_in(
                tree,
                ["-m", "bench.bot_load", *load, "--out", folder],
                threads=trees.setup.threads,
                environment=trees.environment,
            )
            figures = json.loads(Path(folder, "bot_load.json").read_text())["bot_load"]
        return {
            "shown": statistics.median(figures["shown_seconds"]),
            "after": figures["after_bytes"] / _MIB,
        }

    found = in_turns(trees.both, 1, measured)
    commands = f"{at_once} `/paint` at once, {side} px: places shown, median"
    return [
        Row(commands, "s", *found["shown"], None, 4.0),
        Row(f"bot process after {at_once * rounds} commands", "MiB", *found["after"], None, 95.0),
    ]
