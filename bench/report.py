"""Tables in Markdown, and all figures as JSON."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.rivals import NEURAL_STYLE, OURS, JudgedRun, Pace, reached
from bench.speed import Measured

_MIB = 2**20
IF_BUSY = "seconds by the wall are mostly waiting. Compare the seconds of the processor."


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others are figures."""
    lines = [
        "| " + " | ".join(head) + " |",
        "|" + "|".join([":--"] + ["--:"] * (len(head) - 1)) + "|",
    ]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def system_load() -> float:
    """How many processes have wanted the processor of late; 0 where the system cannot tell."""
    return os.getloadavg()[1] if hasattr(os, "getloadavg") else 0.0


def machine_text(
    machine: Mapping[str, Any],
    *,
    quick: bool,
    load: float = 0.0,
    command: str = "python -m bench",
    if_busy: str = IF_BUSY,
) -> str:
    """What was measured on; `load` is the machine's load average at the end."""
    fast = [name for name in ("avx512_bf16", "amx_bf16") if machine.get(name)]
    text = (
        f"`{command}` measured this on {machine['cores']} cores of {machine['processor']}, "
        f"{machine['memory_gib']} GiB of memory, {', '.join(fast) or 'no bf16 instructions'}; "
        f"torch {machine['torch']} with {machine['threads']} threads, Python "
        f"{machine['python']}, {machine['system']}."
    )
    if "gpu" in machine:
        text += f" GPU: {machine['gpu']}, {machine['gpu_memory_gib']} GiB, CUDA {machine['cuda']}."
    if load > machine["cores"] + 1:
        text += f" **The machine was busy with other work (load average {load:.0f}): {if_busy}**"
    if quick:
        text += " **A quick run, only to see that everything works: no figure here counts.**"
    return text + "\n"


def speed_text(measured: Sequence[Measured]) -> str:
    """One table for each question."""
    titles = {
        "size": "By size and tiles",
        "precision": "By precision",
        "optimiser": "By optimiser",
        "statistic": "By style statistic",
        "pooling": "By pooling",
    }
    parts = []
    for name, title in titles.items():
        rows = [
            (
                one.case.name,
                f"{one.width_px} × {one.height_px}",
                str(one.tiles),
                f"{one.seconds:.3f}",
                f"{one.processor_seconds:.3f}",
                f"{one.peak_memory_bytes / _MIB:.0f}",
            )
            for one in measured
            if one.case.table == name
        ]
        head = ("", "pixels", "tiles", "s, wall", "s, processor", "peak MiB")
        parts.append(f"## {title}\n\n{table(head, rows)}")
    return "\n".join(parts)


def paces_text(paces: Sequence[Pace]) -> str:
    """The engine beside its rivals."""
    ours = next(pace for pace in paces if pace.name == OURS)
    rows = [
        (
            pace.name,
            f"{pace.seconds:.3f}",
            f"{pace.seconds / ours.seconds:.2f}",
            f"{pace.processor_seconds:.3f}",
            f"{pace.processor_seconds / ours.processor_seconds:.2f}",
            f"{pace.peak_memory_bytes / _MIB:.0f}",
        )
        for pace in paces
    ]
    head = ("", "s, wall", "ratio", "s, processor", "ratio", "peak MiB")
    return table(head, rows)


def quality_text(judged_runs: Sequence[JudgedRun]) -> str:
    """How long each took to be as near to the style as neural-style at its end."""
    parts, rows = [], []
    for judged in judged_runs:
        last = judged.points[-1]
        verdict = last.verdict
        rows.append(
            (
                f"{judged.name}, {judged.setting}",
                str(last.iteration),
                f"{last.seconds:.0f}",
                f"{last.processor_seconds:.0f}",
                f"{verdict['style_distance']:.3f}",
                f"{verdict['content_distance']:.3f}",
                f"{verdict['cfsd']:.3f}",
                f"{verdict['grain']:.2f}",
                f"{verdict['foreign_colors']:.3f}",
            )
        )
    head = (
        "at the end", "iterations", "s, wall", "s, processor", "style", "content", "CFSD",
        "grain", "foreign colours",
    )  # fmt: skip
    parts.append(table(head, rows))
    parts += [
        _reached_text(rival, judged_runs) for rival in judged_runs if rival.name == NEURAL_STYLE
    ]
    return "\n".join(parts)


def _reached_text(rival: JudgedRun, judged_runs: Sequence[JudgedRun]) -> str:
    goal = rival.points[-1]
    distance = goal.verdict["style_distance"]
    rows: list[tuple[str, str, str, str, str]] = []
    for judged in judged_runs:
        if judged is rival:
            continue
        name = f"{judged.name}, {judged.setting}"
        first = reached(judged, distance)
        if first is None:
            best = min(point.verdict["style_distance"] for point in judged.points)
            rows.append((name, f"not reached ({best:.3f})", "", "", ""))
            continue
        rows.append(
            (
                name,
                f"{first.seconds:.1f}",
                f"{first.seconds / goal.seconds:.3f}",
                f"{first.processor_seconds:.1f}",
                f"{first.processor_seconds / goal.processor_seconds:.3f}",
            )
        )
    head = ("as near after", "s, wall", "share of its time", "s, processor", "share")
    return (
        f"\n{rival.name} ({rival.setting}) ends at a style distance of {distance:.3f} after "
        f"{goal.seconds:.0f} s (processor: {goal.processor_seconds:.0f} s):\n\n"
    ) + table(head, rows)


def write(path: Path, title: str, parts: Sequence[str], figures: Mapping[str, Any]) -> None:
    """The Markdown, and beside it the JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"# {title}\n\n" + "\n".join(parts), encoding="utf-8")
    plain = json.dumps(figures, indent=1, default=asdict)
    path.with_suffix(".json").write_text(plain + "\n", encoding="utf-8")


def publish(
    path: Path,
    title: str,
    tables: str,
    figures: object,
    *,
    machine: Mapping[str, Any],
    command: str,
    quick: bool,
    if_busy: str = IF_BUSY,
) -> None:
    """Write the tables under what they were measured on, and show them.

    Args:
        path: Of the Markdown; the JSON beside it names the figures after it.
        title: Of the Markdown.
        tables: As Markdown.
        figures: Dataclasses or lists of them.
        machine: What it was measured on.
        command: What measured it.
        quick: Whether too little was measured for the figures to count.
        if_busy: What to say if the machine had other things to do.
    """
    load = system_load()
    text = machine_text(machine, quick=quick, load=load, command=command, if_busy=if_busy)
    write(path, title, [text, tables], {"machine": machine, "load": load, path.stem: figures})
    print(f"\n{tables}\nWritten to {path}.")


def without_places(arguments: Sequence[str]) -> list[str]:
    """The arguments that a reader can repeat: without the folders of the machine."""
    places = {"--out", "--sheets", "--shared"}
    return [
        one
        for before, one in zip(["", *arguments], arguments, strict=False)
        if one not in places and before not in places
    ]
