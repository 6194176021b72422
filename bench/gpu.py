"""The benchmark of a GPU: three goals, one table."""

from typing import Any

from bench.report import machine_text, table, write
from bench.runner import BenchError, Setup

_GIB = 2**30


def run(setup: Setup, device: str) -> None:
    """Measure on the device and write `gpu.md` and `gpu.json`.

    Raises:
        BenchError: there is no such device.
    """
    try:
        machine = setup.child("judge", device=device)["machine"]
    except BenchError as problem:
        raise BenchError(
            f"There is no GPU {device} that torch can use on this machine; nothing was measured."
        ) from problem
    rows, figures = [], {"machine": machine}
    for name, goal, task in _cases(quick=setup.quick):
        print(f"… {name}", flush=True)
        found = setup.child("atelier", device=device, **task)
        figures[name] = found
        rows.append(
            (
                name,
                f"{found['width_px']} × {found['height_px']}",
                str(found["iterations"]),
                str(found["tiles"]),
                f"{found['seconds']:.2f}",
                f"{found['device_peak_memory_bytes'] / _GIB:.2f}",
                goal,
            )
        )
    head = ("", "pixels", "iterations", "tiles", "seconds", "peak GiB", "goal")
    text = table(head, rows)
    parts = [machine_text(machine, quick=setup.quick), text]
    write(setup.out / "gpu.md", "The engine on a GPU", parts, figures)


def _cases(*, quick: bool) -> list[tuple[str, str, dict[str, Any]]]:
    first, large, largest = (128, 192, 256) if quick else (512, 2896, 4096)
    few = {"iterations": 3} if quick else {}
    return [
        (
            f"{first} px, standard, warm",
            "0.6 s",
            # The first painting of a process builds kernels; the second is what a bot's users see.
            {"repeat": 2, "options": {"size_px": first, **few}},
        ),
        (
            f"{large} px, CK's schedule",
            "45 s",
            {
                "content_size": [large, large * 3 // 4],
                "options": {"size_px": large, "recipe": "wasserstein", **few},
            },
        ),
        (
            f"{largest} px within 8 GiB",
            "8 GiB",
            {
                "content_size": [largest, largest],
                "max_memory": "8GiB",
                "options": {"size_px": largest, "iterations": 3 if quick else 20, "scales": 1},
            },
        ),
    ]
