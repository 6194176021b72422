"""Measurements of the painter in both trees: commands, iterations, memory, tiles."""

import json
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench.against.measuring import Row, in_turns
from bench.against.trees import Ran, Tree, run_in
from bench.runner import NEURAL_STYLE, BenchError, Setup

_MIB = 2**20
_ITERATE = Path(__file__).parent / "children" / "iterate.py"
VGG19_LAYERS = {
    "content_layers": {"relu3_3": 1.0},
    "style_layers": {"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 1.0, "relu3_3": 1.0},
}
_LAYER_FLAGS: dict[str, dict[str, str]] = {
    "lite": {},
    "vgg19": {
        layers: ",".join(f"{name}={weight:g}" for name, weight in weights.items())
        for layers, weights in VGG19_LAYERS.items()
    },
}
"""The same layers as flags of a command."""
RELU3_4 = {
    "content_layers": {"relu3_4": 1.0},
    "style_layers": dict.fromkeys(("relu1_1", "relu2_1", "relu3_1", "relu3_4"), 1.0),
}
RELU5_1 = {
    "content_layers": {"relu4_2": 1.0},
    "style_layers": dict.fromkeys(("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"), 1.0),
}
_RIVALS_LOSSES: dict[str, Any] = {"recipe": "gatys", "pooling": "max", "tv_weight": 1e-3}
"""Options with neural-style's losses: Gram matrices, content and total variation only."""
_RIVALS_LAYERS = {"content_layers": "relu3_4", "style_layers": ",".join(RELU3_4["style_layers"])}
_OVERHEAD_ITERATIONS = (1, 6)
"""Iterations per scale of two runs; their difference measures iterations, the rest is overhead."""
TILED_BYTES = 2 << 30
_MOST_OF_OLD = {"lite": (0.45, 0.75), "vgg19": (0.55, 0.7)}
"""Targets of a whole command's time and memory, relative to the old ones."""


@dataclass(frozen=True, eq=False)
class Trees:
    """Both trees and the shared settings of all measurements."""

    both: Sequence[Tree]
    """The old and the new one."""
    setup: Setup
    """Pictures, weights, threads, size, rounds."""
    environment: dict[str, str]
    """Environment variables of all commands, such as limits on processor instructions."""

    def command(self, tree: Tree, network: str, **flags: Any) -> Ran:
        """Run `python -m engine paint` as a user does, with these flags."""
        setup = self.setup
        with tempfile.TemporaryDirectory() as folder:
            environment = {
                **self.environment,
                "ATELIER_DATA_DIR": folder,
                "ATELIER_VGG19_WEIGHTS": str(setup.weights),
            }
            given = {"size": setup.size_px, "network": network, **flags}
            flagged = [
                part
                for name, one in given.items()
                for part in (f"--{name.replace('_', '-')}", str(one))
            ]
            out = Path(folder, "painted.png")
            pictures: list[str | Path] = [setup.content, "--style", setup.style, "-o", out]
            return run_in(
                tree,
                ["-m", "engine", "paint", *pictures, "--quiet", *flagged],
                threads=setup.threads,
                environment=environment,
            )

    @property
    def new(self) -> Tree:
        """The tree of this code."""
        return next(tree for tree in self.both if tree.name == "new")

    def warm(self) -> None:
        """Run a command of each tree, so that modules are compiled before measuring."""
        for tree in self.both:
            self.command(tree, "lite", iterations=1, scales=1, size=64)

    def iterate(self, tree: Tree, **task: Any) -> dict[str, Any]:
        """Measure iterations with the painter's library."""
        setup = self.setup
        whole = {
            "content": str(setup.content),
            "style": str(setup.style),
            "weights": setup.weights and str(setup.weights),
            "threads": setup.threads,
            **task,
        }
        ran = run_in(
            tree,
            ["-P", _ITERATE],
            threads=setup.threads,
            environment=self.environment,
            stdin=json.dumps(whole),
        )
        found: dict[str, Any] = json.loads(ran.output.strip().splitlines()[-1])
        return {**found, "peak_bytes": ran.peak_bytes}


def whole_commands(trees: Trees, networks: Sequence[str]) -> list[Row]:
    """Processor time and memory of a whole command at standard quality, by network.

    Both trees compute in float32, to the same layers.
    """
    rows = []
    few = {"iterations": 3, "scales": 2} if trees.setup.quick else {}
    size = trees.setup.size_px
    trees.warm()
    for network in networks:
        time_ratio, memory_ratio = _MOST_OF_OLD[network]
        flags = {"quality": "standard", "precision": "fp32", **_LAYER_FLAGS[network], **few}

        def measured(
            tree: Tree, network: str = network, flags: dict[str, Any] = flags
        ) -> dict[str, float]:
            ran = trees.command(tree, network, **flags)
            return {"seconds": ran.processor_seconds, "MiB": ran.peak_bytes / _MIB}

        found = in_turns(trees.both, trees.setup.rounds, measured)
        name = f"{network}, {size} px standard"
        seconds, memory = found["seconds"], found["MiB"]
        rows.append(Row(f"{name}, whole command", "s of processor", *seconds, time_ratio))
        rows.append(Row(f"{name}, peak memory", "MiB", *memory, memory_ratio))
    return [*rows, _importing_torch(trees)]


def with_defaults(trees: Trees, networks: Sequence[str]) -> list[Row]:
    """Processor time of a whole command as users give it: default precision, recipe and layers.

    The older commit's defaults differ in more than speed, so there is no target.
    """
    rows = []
    few = {"iterations": 3, "scales": 2} if trees.setup.quick else {}
    trees.warm()
    for network in networks:

        def measured(tree: Tree, network: str = network) -> dict[str, float]:
            return {"seconds": trees.command(tree, network, **few).processor_seconds}

        found = in_turns(trees.both, trees.setup.rounds, measured)["seconds"]
        name = f"{network}, {trees.setup.size_px} px, whole command with default options"
        rows.append(Row(name, "s of processor", *found))
    return rows


def _importing_torch(trees: Trees) -> Row:
    """Memory of a process that only imports torch."""

    def measured(tree: Tree) -> dict[str, float]:
        command = ["-c", "import torch"]
        ran = run_in(tree, command, threads=trees.setup.threads, environment=trees.environment)
        return {"MiB": ran.peak_bytes / _MIB}

    return Row(
        "importing torch alone, peak memory", "MiB", *in_turns(trees.both, 1, measured)["MiB"]
    )


def overhead(trees: Trees) -> list[Row]:
    """Overhead: the time of a command that is not spent on iterations."""
    few, more = _OVERHEAD_ITERATIONS
    trees.warm()

    def measured(tree: Tree) -> dict[str, float]:
        one, other = (
            trees.command(tree, "lite", precision="fp32", iterations=count).processor_seconds
            for count in _OVERHEAD_ITERATIONS
        )
        return {"seconds": one - (other - one) / (more - few) * few}

    found = in_turns(trees.both, trees.setup.rounds, measured)["seconds"]
    name = "command line, lite: everything that is not an iteration"
    return [Row(name, "s of processor", *found, None, 2.5)]


def iterations(trees: Trees) -> list[Row]:
    """An iteration to relu3_4, and one to relu5_1."""
    count = 6
    cases = (
        ("an iteration to relu3_4", RELU3_4, 0.84),
        ("an iteration to relu5_1", RELU5_1, None),
    )
    rows = []
    for name, layers, ratio in cases:
        options: dict[str, Any] = {"network": "vgg19", "size_px": trees.setup.size_px, "scales": 1}
        options |= {"iterations": count, "optimizer": "lbfgs", **layers}

        def measured(tree: Tree, options: dict[str, Any] = options) -> dict[str, float]:
            return {"seconds": pace(trees.iterate(tree, options=options)["marks"])}

        found = in_turns(trees.both, trees.setup.rounds, measured)
        rows.append(
            Row(f"{name}, {trees.setup.size_px} px", "s of processor", *found["seconds"], ratio)
        )
    return rows


def beside_neural_style(trees: Trees) -> list[Row]:
    """An iteration to relu3_4 of this code and of neural-style, alternating, in float32.

    With the default recipe, and with neural-style's losses.
    """
    theirs = _Rival("neural-style", f"`old` is {NEURAL_STYLE}", "neural_style", _RIVALS_LAYERS)
    own = {"": RELU3_4, ", by the same losses": {**RELU3_4, **_RIVALS_LOSSES}}
    return _beside(trees, theirs, "relu3_4", own, 0.6)


def beside_crowsonkb(trees: Trees, program: Path) -> list[Row]:
    """An iteration to relu5_1 of this code and of crowsonkb's program, as above."""
    name = "crowsonkb/style-transfer-pytorch"
    theirs = _Rival(name, f"`old` is {name}", "crowsonkb", {"program": str(program.resolve())})
    return _beside(trees, theirs, "relu5_1", {"": RELU5_1}, 0.5)


@dataclass(frozen=True)
class _Rival:
    """Another program: the child that runs it, and its task."""

    name: str
    remark: str
    child: str
    task: Mapping[str, Any]


def _beside(
    trees: Trees,
    rival: _Rival,
    deepest: str,
    own: Mapping[str, dict[str, Any]],
    most_ratio: float,
) -> list[Row]:
    """A row for each of our own variants, by label, all alternating with the rival."""
    setup, count = trees.setup, 6
    options = {"network": "vgg19", "size_px": setup.size_px, "scales": 1, "optimizer": "lbfgs"}
    ours: dict[str, list[float]] = {said: [] for said in own}
    theirs: list[float] = []
    for _ in range(setup.rounds):
        for said, mine in own.items():
            painted = trees.iterate(trees.new, options={**options, "iterations": count, **mine})
            ours[said].append(pace(painted["marks"]))
        task = {"size_px": setup.size_px, "iterations": count, **rival.task}
        theirs.append(pace(setup.child(rival.child, **task)["marks"]))
    name = f"an iteration to {deepest}, {setup.size_px} px, beside {rival.name}"
    return [
        Row(
            f"{name}{said}",
            "s of processor",
            tuple(theirs),
            tuple(paces),
            most_ratio,
            None,
            rival.remark,
        )
        for said, paces in ours.items()
    ]


def tiles(trees: Trees) -> list[Row]:
    """2048 px limited to 2 GiB, compared with unlimited memory; the new tree only."""
    size = 128 if trees.setup.quick else 2048
    options = {"network": "vgg19", "size_px": size, "scales": 1, "iterations": 4, **VGG19_LAYERS}
    small = 700 << 20 if trees.setup.quick else TILED_BYTES
    whole = trees.iterate(trees.new, options=options)
    # The 2 GiB include importing torch.
    tiled = trees.iterate(trees.new, options=options, max_memory_bytes=small - (700 << 20))
    remark = f"in {tiled['tiles']} parts; `old` is the whole at once, by this code"
    seconds = (pace(whole["marks"]),), (pace(tiled["marks"]),)
    memory = (whole["peak_bytes"] / _MIB,), (tiled["peak_bytes"] / _MIB,)
    name = f"vgg19, {size} px within 2 GiB"
    return [
        Row(f"{name}, an iteration", "s of processor", *seconds, 1.35, None, remark),
        Row(f"{name}, peak memory", "MiB", *memory, None, TILED_BYTES / _MIB),
    ]


def pace(marks: Sequence[Sequence[float]]) -> float:
    """Median processor seconds per iteration, without the first two.

    Args:
        marks: for each iteration its number, and wall and processor seconds at its end.
    """
    kept = [mark for mark in marks if mark[0] >= 2]
    steps = [after[2] - one[2] for one, after in pairwise(kept) if after[0] == one[0] + 1]
    # The last mark is the end of the painting, not of an iteration.
    steps = steps[:-1] or steps
    if not steps:
        raise BenchError("Too few iterations to tell their pace.")
    return statistics.median(steps)
