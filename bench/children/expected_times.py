"""A real worker paints jobs of a real queue; what the queue says about each is recorded.

With `processor` as the clock, painter and queue both use this process's processor time, scaled by
`load`, so that other programs have no effect.
"""

import asyncio
import importlib
import io
import os
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from PIL import Image

from bench.children.protocol import answer, receive
from bench.queue_samples import GENEROUS_LIMITS, submit_job
from common.options import PaintInputs, PaintOptions, StyleInput
from common.settings import Settings
from engine.allocator import give_large_blocks_back
from engine.worker.painter import JobPainter
from engine.worker.service import EngineWorker
from jobs.db import schema
from jobs.model import EngineInfo, Job
from jobs.queue import JobQueue

LOOK_SECONDS = 0.25
"""Between two looks at what a member is shown; looking takes processor time, too."""
KNOWN = ("nothing", "another size", "the size")
"""What the queue has measured of this engine before a job."""
_MOST_WAITS = 20
_SINCE = 1_800_000_000.0


def main() -> None:
    """Paint what the task says, and print the record."""
    task = receive()
    give_large_blocks_back()
    if load := task.get("load"):
        _count_work_alone(load)
    answer({"jobs": asyncio.run(_paint_all(task))})


def _count_work_alone(load: float) -> None:
    time.perf_counter = lambda: load * time.process_time()
    log = importlib.import_module("engine.painting.loss_log")
    log.slowness_before = lambda: load  # type: ignore[attr-defined]
    # Where little of the processor is left, previews would else take a large part of it.
    reporter = importlib.import_module("engine.worker.progress_reporter")
    reporter.time = SimpleNamespace(monotonic=time.perf_counter)  # type: ignore[attr-defined]


async def _paint_all(task: dict[str, Any]) -> list[dict[str, Any]]:
    """Each size three times: after the trial alone, after one job of another size, of its own."""
    found: list[dict[str, Any]] = []
    async with _working(task) as (queue, trial):
        inputs = await _inputs(queue, task)
        sizes = task["sizes_px"]
        await _paint(queue, inputs, task, min(sizes))  # loads what stays loaded
        measured: dict[int, list[Any]] = {}
        for known in KNOWN:
            for size_px in sizes:
                other_px = min(sizes) if size_px == max(sizes) else max(sizes)
                its = {KNOWN[1]: other_px, KNOWN[2]: size_px}.get(known)
                await _know(queue, [] if its is None else measured[its], trial)
                record = await _paint(queue, inputs, task, size_px)
                found.append({"size_px": size_px, "known": known, **record})
                if its is None:
                    async with queue.database.read() as connection:
                        measured[size_px] = list(await connection.execute(sa.select(schema.speeds)))
    return found


@asynccontextmanager
async def _working(task: dict[str, Any]) -> AsyncIterator[tuple[JobQueue, float | None]]:
    """A queue in a folder of its own, with an engine, and the pace that it has tried."""
    load = task.get("load")
    clock = None if load is None else lambda: _SINCE + load * time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        values = {"atelier_data_dir": Path(folder), "atelier_device": "cpu", **GENEROUS_LIMITS}
        settings = Settings(_env_file=None, atelier_network=task["network"], **values)
        async with await JobQueue.open(settings, clock=clock) as queue:
            painter = JobPainter(settings)
            painter.idle(lambda: False)
            info = EngineInfo("engine", "host", "cpu", task["network"], "0", os.getpid())
            stop = asyncio.Event()
            worker = asyncio.create_task(EngineWorker(queue, painter, info).run(stop))
            while not (await queue.positions.overview(None)).engines_alive:
                await queue.wait_for_change(LOOK_SECONDS)
            yield queue, painter.abilities().pace
            stop.set()
            await worker


async def _know(queue: JobQueue, measured: list[Any], trial: float | None) -> None:
    """Let these be the measured speeds, and the trial what the engine announces."""
    async with queue.database.write() as transaction:
        await transaction.execute(sa.delete(schema.speeds))
        for row in measured:
            await transaction.execute(sa.insert(schema.speeds).values(**row._mapping))  # noqa: SLF001 - public
        await transaction.execute(sa.update(schema.engines).values(pace=trial))
    queue.positions.speeds.forget()


async def _inputs(queue: JobQueue, task: dict[str, Any]) -> PaintInputs:
    content, style = (Image.open(task[name]).convert("RGB") for name in ("content", "style"))
    keys = [await queue.store.put(_png(one), ".png") for one in (content, style)]
    return PaintInputs(
        content=keys[0],
        styles=(StyleInput(picture=keys[1]),),
        content_aspect=min(content.size) / max(content.size),
    )


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


async def _paint(
    queue: JobQueue, inputs: PaintInputs, task: dict[str, Any], size_px: int
) -> dict[str, Any]:
    """Queue a job; the seconds expected then, those it took, and what was told meanwhile.

    `left` has seconds since it was queued, the share that is done, and the seconds left as told.
    """
    options = PaintOptions(network=task["network"], size_px=size_px)
    queued = await queue.database.now()
    job: Job | None = await submit_job(queue, inputs=inputs, options=options)
    assert job is not None
    expected, left = job.predicted_seconds, list[tuple[float, float, float]]()
    while True:
        now = await queue.database.now()
        found = await queue.positions.job(job.id)
        assert found is not None
        job, position = found
        if position is None:
            break
        if position.ready_at is not None:
            share = 0.0 if job.progress is None else job.progress.fraction
            left.append((now - queued, share, max(0.01, position.ready_at.timestamp() - now)))
        await _until_the_clock_has_moved(queue, now)
    assert job.ended_at is not None
    seconds = job.ended_at.timestamp() - queued
    return {"expected": expected, "seconds": seconds, "left": left}


async def _until_the_clock_has_moved(queue: JobQueue, since: float) -> None:
    """Wait for the next look; a job that has ended moves no processor time."""
    for _ in range(_MOST_WAITS):
        await asyncio.sleep(LOOK_SECONDS)
        if await queue.database.now() >= since + LOOK_SECONDS:
            return


if __name__ == "__main__":
    main()
