"""Paint with this project's engine."""

import time
from pathlib import Path
from typing import Any

from PIL import Image

from bench.children.clock import Clock, answer, receive
from common.options import PaintOptions
from engine.networks.registry import NetworkSource
from engine.painting import (
    Painted,
    Picture,
    Prepared,
    Stepped,
    Studio,
    Style,
    choose_device,
    paint,
    parse_memory,
)
from engine.painting.devices import peak_memory_bytes, reset_peak_memory


def main() -> None:
    """Paint once, or `repeat` times in the same process, of which the last one counts."""
    task = receive()
    device = choose_device(task.get("device", "cpu"))
    limit = task.get("max_memory")
    studio = Studio(
        source=NetworkSource(Path(task["weights"]) if task["weights"] else None),
        device=device,
        precision=task.get("precision", "auto"),
        max_memory_bytes=parse_memory(limit) if limit else None,
    )
    result: dict[str, Any] = {}
    for _ in range(task.get("repeat", 1)):
        reset_peak_memory(device)
        result = _paint(task, studio)
    on_device = peak_memory_bytes(device) if device.type != "cpu" else None
    answer(**result, device_peak_memory_bytes=on_device)


def _paint(task: dict[str, Any], studio: Studio) -> dict[str, Any]:
    content = Picture.from_image(_open(task["content"], task.get("content_size")))
    style = Picture.from_image(_open(task["style"], None))
    options = PaintOptions(network="vgg19", **task["options"])
    clock = Clock()
    saved: list[tuple[int, float, float, str]] = []
    every, last_scale = task.get("save_every"), 0
    for event in paint(content, [Style(style)], options, studio=studio):
        match event:
            case Prepared():
                last_scale = len(event.scales) - 1
                clock.mark(0)
            case Stepped():
                clock.mark(event.iteration)
                # Earlier scales are smaller pictures, which nobody asked for.
                if every and event.scale == last_scale and event.iteration % every == 0:
                    began = time.perf_counter(), time.process_time()
                    file = f"{task['out']}-{event.iteration:05d}.png"
                    event.preview(options.size_px).save(file)
                    _, wall, processor = clock.marks[-1]
                    saved.append((event.iteration, wall, processor, file))
                    clock.leave_out(time.perf_counter() - began[0], time.process_time() - began[1])
            case Painted():
                clock.mark(clock.marks[-1][0] + 1)
                if task.get("out"):
                    event.picture.to_image().save(f"{task['out']}.png")
                report = event.report
                return {
                    "marks": clock.marks,
                    "saved": saved,
                    "precision": report.precision,
                    "tiles": report.tiles,
                    "tile_px": report.tile_px,
                    "iterations": report.iterations,
                    "seconds": clock.marks[-1][1] - clock.marks[0][1],
                    "width_px": report.width_px,
                    "height_px": report.height_px,
                    "notes": [str(note) for note in report.notes],
                }
    raise RuntimeError("the engine ended without a picture")


def _open(path: str, size: list[int] | None) -> Image.Image:
    with Image.open(path) as image:
        plain = image.convert("RGB")
    return plain.resize((size[0], size[1]), Image.Resampling.LANCZOS) if size else plain


if __name__ == "__main__":
    main()
