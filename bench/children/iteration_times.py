"""Records the duration of each iteration, as passed to `TimeLeft`."""

import time
from typing import Any

from PIL import Image

from bench.children.protocol import answer, receive
from common.options import PaintOptions
from engine.painting import Picture, Studio, Style, paint
from engine.painting.time_left import TimeLeft


def main() -> None:
    """Paint what the task says, and print the record."""
    task = receive()
    record: dict[str, Any] = {"size_px": task["size_px"], "iterations": []}
    told = TimeLeft.add
    begun, busy = 0.0, 0.0

    def add(self: TimeLeft, scale: int, seconds: float, worked: float | None = None) -> None:
        now, processor = time.perf_counter() - begun, time.process_time() - busy
        record["scales"] = [(*one.size, one.iterations) for one in self.scales]
        record["slowness"] = self.slowness
        times = (seconds, worked or 0.0, now, processor)
        record["iterations"].append((scale, *(round(one, 4) for one in times)))
        told(self, scale, seconds, worked)

    TimeLeft.add = add  # type: ignore[method-assign]
    content, style = (_picture(task[name]) for name in ("content", "style"))
    studio = Studio(precision="fp32")
    options = PaintOptions(network=task["network"], size_px=task["size_px"])
    begun, busy = time.perf_counter(), time.process_time()
    for _ in paint(content, [Style(style)], options, studio=studio):
        pass
    record["seconds"] = round(time.perf_counter() - begun, 3)
    record["processor_seconds"] = round(time.process_time() - busy, 3)
    answer(record)


def _picture(file: str) -> Picture:
    with Image.open(file) as image:
        return Picture.from_image(image.convert("RGB"))


if __name__ == "__main__":
    main()
