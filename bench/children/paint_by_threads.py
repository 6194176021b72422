"""Paints a picture again and again in one thread of a warm process, by other numbers of threads."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from PIL import Image

from bench.children.protocol import answer, receive
from common.options import PaintOptions
from engine import threads
from engine.allocator import give_large_blocks_back
from engine.painting import Picture, Studio, Style, paint

BY_SCALE, ALL, ONE = "by scale", "all", "one"


def main() -> None:
    """Paint what the task says, in turns, and answer with the seconds of each painting."""
    task = receive()
    give_large_blocks_back()
    with ThreadPoolExecutor(max_workers=1) as worker:  # as the engine's worker does
        answer(worker.submit(_seconds, task).result())


def _seconds(task: dict[str, Any]) -> dict[str, list[float]]:
    content, style = (_picture(task[name]) for name in ("content", "style"))
    options = PaintOptions(network=task["network"], size_px=task["size_px"])
    studio = Studio()
    found: dict[str, list[float]] = {BY_SCALE: [], ALL: [], ONE: []}
    multiplications = threads._MULTIPLICATIONS_PER_THREAD  # noqa: SLF001 - the constant in question
    for number in range(task["rounds"] + 1):
        for way, seconds in found.items():
            threads._MULTIPLICATIONS_PER_THREAD = 1.0 if way == ALL else multiplications  # noqa: SLF001
            chosen = replace(studio, threads=1) if way == ONE else studio
            begun = time.perf_counter()
            for _ in paint(content, [Style(style)], options, studio=chosen):
                pass
            if number:  # the first one measures the style and allocates memory
                seconds.append(time.perf_counter() - begun)
    return found


def _picture(file: str) -> Picture:
    with Image.open(file) as image:
        return Picture.from_image(image.convert("RGB"))


if __name__ == "__main__":
    main()
