"""The engine beside its rivals, on the same weights, pictures and layers, in the same run."""

import statistics
from dataclasses import dataclass
from typing import Any

from bench.runner import Setup
from bench.speed import paces

_CONTENT = "relu4_2"
_STYLE = "relu1_1,relu2_1,relu3_1,relu4_1,relu5_1"
NEURAL_STYLE, PYSTICHE = "neural-style 0.5.7", "pystiche 1.0.1"
OURS = "Atelier, bf16, L-BFGS"


@dataclass(frozen=True)
class Pace:
    """An iteration to relu5_1: medians over the rounds."""

    name: str
    seconds: float
    processor_seconds: float
    peak_memory_bytes: int


@dataclass(frozen=True)
class JudgedPicture:
    """A picture along a run: when it was there, and the judge's verdict."""

    iteration: int
    seconds: float
    processor_seconds: float
    verdict: dict[str, Any]


@dataclass(frozen=True)
class JudgedRun:
    """A whole run, judged along the way."""

    name: str
    setting: str
    points: list[JudgedPicture]


def compare_paces(setup: Setup) -> list[Pace]:
    """Each program in turn, several rounds, so that a busy machine is busy for all."""
    size, iterations, rounds = (128, 6, 1) if setup.quick else (setup.size_px, 6, setup.rounds)
    ours = {
        "size_px": size,
        "scales": 1,
        "iterations": iterations,
        "content_layers": {_CONTENT: 1.0},
        "style_layers": dict.fromkeys(_STYLE.split(","), 1.0),
    }
    runs: dict[str, tuple[str, dict[str, Any]]] = {
        OURS: ("atelier", {"options": {**ours, "optimizer": "lbfgs"}, "precision": "bf16"}),
        "Atelier, bf16, Adam": (
            "atelier",
            {"options": {**ours, "optimizer": "adam"}, "precision": "bf16"},
        ),
        "Atelier, fp32, L-BFGS": (
            "atelier",
            {"options": {**ours, "optimizer": "lbfgs"}, "precision": "fp32"},
        ),
        f"{NEURAL_STYLE}, L-BFGS": (
            "neural_style",
            task_of_rival(setup, size, iterations, "lbfgs"),
        ),
        f"{NEURAL_STYLE}, Adam": (
            "neural_style",
            task_of_rival(setup, size, iterations, "adam"),
        ),
        f"{PYSTICHE}, L-BFGS": ("pystiche", task_of_rival(setup, size, iterations, "lbfgs")),
    }
    found: dict[str, list[tuple[float, float, int]]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, (child, task) in runs.items():
            answer = setup.child(child, **task)
            found[name].append((*paces(answer["marks"]), answer["peak_memory_bytes"]))
    return [
        Pace(
            name,
            statistics.median(one[0] for one in measured),
            statistics.median(one[1] for one in measured),
            max(one[2] for one in measured),
        )
        for name, measured in found.items()
    ]


def judged_runs(setup: Setup) -> list[JudgedRun]:
    """How the held-out style distance falls with time, of each program's defaults."""
    size, iterations, every = (128, 10, 5) if setup.quick else (setup.size_px, 500, 50)
    theirs = {"save_every": every}
    few = {"iterations": 5, "scales": 2} if setup.quick else {}
    found = []
    for quality in ("draft", "standard"):
        out = setup.work / f"atelier-{quality}"
        answer = setup.child(
            "atelier",
            options={"size_px": size, "quality": quality, **few},
            out=str(out),
            save_every=5,
        )
        saved = [tuple(one) for one in answer["saved"]]
        end = answer["marks"][-1]
        saved.append((answer["iterations"], end[1], end[2], f"{out}.png"))
        start = answer["marks"][0]
        found.append(_judged(setup, "Atelier", f"{quality}, {answer['precision']}", saved, start))
    out = setup.work / "neural-style.png"
    task = {**task_of_rival(setup, size, iterations, "lbfgs"), **theirs, "out": str(out)}
    answer = setup.child("neural_style", **task)
    marks = {mark[0]: mark for mark in answer["marks"]}
    saved = []
    for iteration in range(every, iterations + 1, every):
        file = out if iteration == iterations else out.with_stem(f"{out.stem}_{iteration}")
        saved.append((*marks[iteration], str(file)))
    first, second = marks[1], marks[2]
    # Its first iteration began about as long before its end as the second one took.
    start = (0, 2 * first[1] - second[1], 2 * first[2] - second[2])
    found.append(_judged(setup, NEURAL_STYLE, "L-BFGS, fp32", saved, start))
    return found


def _judged(
    setup: Setup, name: str, setting: str, saved: list[Any], start: tuple[int, float, float]
) -> JudgedRun:
    verdicts = setup.child("judge", pictures=[one[3] for one in saved])["verdicts"]
    points = [
        JudgedPicture(iteration, wall - start[1], processor - start[2], verdict)
        for (iteration, wall, processor, _), verdict in zip(saved, verdicts, strict=True)
    ]
    return JudgedRun(name, setting, points)


def reached(judged: JudgedRun, style_distance: float) -> JudgedPicture | None:
    """The first picture of a run that is as near to the style as that."""
    near = [one for one in judged.points if one.verdict["style_distance"] <= style_distance]
    return near[0] if near else None


def task_of_rival(
    setup: Setup, size: int, iterations: int, optimizer: str = "lbfgs"
) -> dict[str, Any]:
    """The task of a rival: from the photograph, the deep layers."""
    return {
        "size_px": size,
        "iterations": iterations,
        "content_layers": _CONTENT,
        "style_layers": _STYLE,
        "optimizer": optimizer,
        # 10 is the default of jcjohnson/neural-style for Adam, on pixels of 0 to 255.
        "learning_rate": 1 if optimizer == "lbfgs" else 10,
        "init": "image",
        "out": str(setup.work / "rival.png"),
    }
