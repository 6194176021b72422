"""Tables in Markdown, and all figures as JSON."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

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
    """The load average; 0 where the system does not tell."""
    return os.getloadavg()[1] if hasattr(os, "getloadavg") else 0.0


def machine_text(
    machine: Mapping[str, Any],
    *,
    quick: bool,
    load: float = 0.0,
    command: str = "python -m bench",
    if_busy: str = IF_BUSY,
) -> str:
    """Description of the machine; `load` is its load average at the end."""
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


def write(path: Path, title: str, parts: Sequence[str], figures: Mapping[str, Any]) -> None:
    """Write the Markdown, and the JSON beside it."""
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
    """Write the tables below the description of the machine, and print them.

    Args:
        path: Of the Markdown; the JSON is beside it.
        title: Of the Markdown.
        tables: As Markdown.
        figures: Dataclasses or lists of them.
        machine: What it was measured on.
        command: What measured it.
        quick: Whether too little was measured for the figures to count.
        if_busy: Note for the case that the machine was busy otherwise.
    """
    load = system_load()
    text = machine_text(machine, quick=quick, load=load, command=command, if_busy=if_busy)
    write(path, title, [text, tables], {"machine": machine, "load": load, path.stem: figures})
    print(f"\n{tables}\nWritten to {path}.")


def without_places(arguments: Sequence[str]) -> list[str]:
    """The arguments without folders of this machine, so that a reader can repeat the command."""
    places = {"--out", "--sheets", "--shared"}
    return [
        one
        for before, one in zip(["", *arguments], arguments, strict=False)
        if one not in places and before not in places
    ]
