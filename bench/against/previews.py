"""Time until a warm engine's first preview that looks painted, not like a blurred photograph.

The engine is a real process with a database and a store; previews are read from the database.
"""

import asyncio
import io
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from PIL import Image

from bench.against.measuring import Row
from bench.against.pictures import PAIRS, pair_of
from bench.queue_samples import GENEROUS_LIMITS, submit_job
from bench.runner import ROOT, BenchError, Setup
from common.options import PaintInputs, PaintOptions, StyleInput
from common.settings import Settings
from jobs.queue import JobQueue

LOOKS_PAINTED = 0.8
"""Fraction of the finished picture's change in style distance, on held-out layers, at the size of
the first scale, since a preview cannot be finer."""
_FIRST_SCALE_PX = 128
_THREADS = 2
_LOOK_SECONDS = 0.01
_WITHIN_SECONDS = 300.0


@dataclass(frozen=True)
class Shown:
    """A preview, and when it came."""

    key: str
    """Of the store."""
    picture: Image.Image
    seconds: float
    """Since the claim."""
    processor_seconds: float
    """The engine's processor seconds since the claim."""


@dataclass(frozen=True)
class Watched:
    """The previews of one job."""

    content: Path
    style: Path
    previews: Sequence[Shown]
    result: Image.Image


def first_painted(setup: Setup) -> list[Row]:
    """From the claim to the first preview that looks painted, with lite on two threads.

    Each round uses a photograph and a painting that are new to this engine.
    """
    watched = asyncio.run(_watched(setup, 1 if setup.quick else setup.rounds))
    found = [_first(setup, one, number) for number, one in enumerate(watched)]
    name = f"warm engine, lite, {setup.size_px} px: from the claim to a preview that looks painted"
    shares = [f"{share:.0%}" for _, share in found]
    remark = f"two threads; {', '.join(shares)} of the finished picture's way to the style"
    seconds = tuple(one.seconds for one, _ in found)
    worked = tuple(one.processor_seconds for one, _ in found)
    return [
        Row(name, "s", (), seconds, None, 1.5, remark),
        Row(f"{name}, of the engine", "s of processor", (), worked),
    ]


def _first(setup: Setup, watched: Watched, number: int) -> tuple[Shown, float]:
    """The first preview that looks painted, and its fraction of the change in style distance.

    Raises:
        BenchError: no preview does.
    """
    with Image.open(watched.content) as photograph:
        pictures = [photograph.convert("RGB"), watched.result]
    pictures += [one.picture for one in watched.previews]
    files = [setup.work / f"first-preview-{number}-{each}.png" for each in range(len(pictures))]
    for picture, file in zip(pictures, files, strict=True):
        small = picture.copy()
        small.thumbnail((_FIRST_SCALE_PX, _FIRST_SCALE_PX), Image.Resampling.LANCZOS)
        small.save(file)
    names = [str(file) for file in files]
    content, style = str(watched.content), str(watched.style)
    verdicts = setup.child("judge", pictures=names, content=content, style=style)["verdicts"]
    begun, ended, *between = (one["style_distance"] for one in verdicts)
    for shown, distance in zip(watched.previews, between, strict=True):
        share = (begun - distance) / (begun - ended)
        if share >= LOOKS_PAINTED or setup.quick:
            shown.picture.save(setup.work / f"first-preview-{number}.png")
            return shown, share
    raise BenchError("No preview looked painted.")


async def _watched(setup: Setup, rounds: int) -> list[Watched]:
    """Run jobs one after the other; the first one, which warms up the engine, is left out."""
    pairs = [pair_of(setup, names) for names in PAIRS[: rounds + 1]]
    with tempfile.TemporaryDirectory() as folder:
        values = {**GENEROUS_LIMITS, "atelier_data_dir": Path(folder), "atelier_network": "lite"}
        settings = Settings(_env_file=None, **values)
        async with await JobQueue.open(settings) as queue, _engine(Path(folder)) as engine:
            watched = [await _one(setup, queue, engine, *pair) for pair in pairs]
    return watched[1:]


@asynccontextmanager
async def _engine(folder: Path) -> AsyncIterator[psutil.Process]:
    """The engine's process; it ends with the block."""
    environment = {
        **os.environ,
        "ATELIER_DATA_DIR": str(folder),
        "ATELIER_NETWORK": "lite",
        "OMP_NUM_THREADS": str(_THREADS),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "engine", "--until-stdin-closes"),
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=ROOT,
        env=environment,
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


async def _one(
    setup: Setup, queue: JobQueue, engine: psutil.Process, content: Path, style: Path
) -> Watched:
    """One job, watched until it is done."""
    few: dict[str, int] = {"iterations": 8, "scales": 2} if setup.quick else {}
    job = await submit_job(
        queue,
        inputs=PaintInputs(
            content=_stored(queue, content), styles=(StyleInput(picture=_stored(queue, style)),)
        ),
        options=PaintOptions(size_px=setup.size_px, **few),
    )
    previews: list[Shown] = []
    worked: float | None = None
    async with asyncio.timeout(_WITHIN_SECONDS):
        while not job.state.ended:
            await asyncio.sleep(_LOOK_SECONDS)
            now = await queue.jobs.get(job.id)
            assert now is not None
            job, busy = now, sum(engine.cpu_times()[:2])
            if job.started_at is None:
                continue
            worked = busy if worked is None else worked
            if job.preview_key and job.preview_key not in [one.key for one in previews]:
                seconds = time.time() - job.started_at.timestamp()
                picture = _picture(queue, job.preview_key)
                previews.append(Shown(job.preview_key, picture, seconds, busy - worked))
    if job.result_key is None:
        raise BenchError(f"The engine did not paint: {job.failure}")
    return Watched(content, style, previews, _picture(queue, job.result_key))


def _stored(queue: JobQueue, file: Path) -> str:
    with Image.open(file) as image, io.BytesIO() as png:
        image.convert("RGB").save(png, "PNG")
        return queue.store.put_sync(png.getvalue(), ".png")


def _picture(queue: JobQueue, key: str) -> Image.Image:
    with Image.open(io.BytesIO(queue.store.get_sync(key))) as image:
        return image.convert("RGB")
