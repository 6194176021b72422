"""Times of each iteration of one scale and of the first previews.

Run as a script with a checkout on the path, which may be old.
"""

import dataclasses
import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from engine.networks.registry import NetworkSource
from engine.painting import Painted, Picture, Stepped, Studio, Style, choose_device, paint


def main() -> None:
    """Paint what the task says; print marks, and previews where they are asked for."""
    task: dict[str, Any] = json.load(sys.stdin)
    torch.set_num_threads(task["threads"])
    if load := task.get("load"):
        _count_work_alone(load)
    weights = Path(task["weights"]) if task.get("weights") else None
    source: dict[str, Any] = {"vgg19_weights": weights, "may_download": False}
    known = {field.name for field in dataclasses.fields(NetworkSource)}
    studio = Studio(
        source=NetworkSource(**{name: one for name, one in source.items() if name in known}),
        device=(device := choose_device(task.get("device", "cpu"))),
        precision=task.get("precision", "fp32"),
        max_memory_bytes=task.get("max_memory_bytes"),
    )
    options = _options().model_validate(task["options"])
    content, style = (_rgb(Path(task[name])) for name in ("content", "style"))
    if size := task.get("content_size"):
        content = content.resize((size[0], size[1]), Image.Resampling.LANCZOS)
    pictures = Picture.from_image(content), Picture.from_image(style)
    answer: dict[str, Any] = {}
    for _ in range(task.get("repeat", 1)):
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        answer = _painted(*pictures, options, studio, task)
    if device.type == "cuda":
        answer["device_peak_bytes"] = torch.cuda.max_memory_allocated(device)
    print("\n" + json.dumps(answer))


def _count_work_alone(load: float) -> None:
    """Use processor time, scaled by `load`, as the clock, so that other programs have no effect."""
    time.perf_counter = lambda: load * time.process_time()
    log = importlib.import_module("engine.painting.loss_log")
    if hasattr(log, "slowness_before"):  # not in older checkouts
        log.slowness_before = lambda: load  # type: ignore[attr-defined]


def _painted(
    content: Picture, style: Picture, options: Any, studio: Studio, task: dict[str, Any]
) -> dict[str, Any]:
    begun, busy = time.perf_counter(), time.process_time()
    marks: list[tuple[int, float, float]] = []
    left: list[tuple[float, float, float | None]] = []
    shown: list[tuple[float, str]] = []
    for event in paint(content, [Style(style)], options, studio=studio):
        now, worked = time.perf_counter() - begun, time.process_time() - busy
        match event:
            case Stepped():
                marks.append((event.iteration, now, worked))
                left.append((now, event.fraction, event.seconds_left))
                if task.get("previews") and _is_due(event.iteration, now, task):
                    file = f"{task['previews']}-{len(shown):03d}.png"
                    # At the size that Discord shows; smaller previews are blurred then.
                    event.preview(options.size_px).resize(task["shown_size"]).save(file)
                    shown.append((now, file))
            case Painted():
                marks.append((marks[-1][0] + 1, now, worked))
                if task.get("out"):
                    event.picture.to_image().save(task["out"])
                return {
                    "marks": marks,
                    "left": left,
                    "shown": shown,
                    "seconds": now,
                    "tiles": event.report.tiles,
                    "iterations": event.report.iterations,
                    "width_px": event.report.width_px,
                    "height_px": event.report.height_px,
                }
            case _:
                pass
    raise RuntimeError("the painter ended without a picture")


def _is_due(iteration: int, seconds: float, task: dict[str, Any]) -> bool:
    return iteration % 4 == 0 and seconds <= float(task["previews_within_seconds"])


def _options() -> Any:
    for name in ("common.options", "jobs.options"):
        try:
            return importlib.import_module(name).PaintOptions
        except ModuleNotFoundError:
            continue
    raise RuntimeError("this tree has no PaintOptions")


def _rgb(file: Path) -> Image.Image:
    with Image.open(file) as image:
        return image.convert("RGB")


if __name__ == "__main__":
    main()
