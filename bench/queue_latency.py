"""Latency from submission to an idle engine: `python -m bench.queue_latency`.

A real worker in a separate process waits for work, on SQLite and on PostgreSQL, both with durable
commits. Jobs are submitted at random moments, one at a time, so that the engine is idle. The
latency ends when the worker passes the job to its painter.
"""

import argparse
import asyncio
import contextlib
import json
import math
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bench import postgres
from bench.children.judge import machine
from bench.queue_samples import GENEROUS_LIMITS, submit_job
from bench.queue_simulation import SERVER_OPTIONS
from bench.report import publish, table
from bench.runner import RESULTS, ROOT, BenchError, run
from common.settings import Settings
from jobs.db import schema
from jobs.outcomes import QueueError
from jobs.queue import JobQueue

LONGEST_PAUSE_SECONDS = 0.5
WARM_UP_JOBS = 3
JOBS_THAT_COUNT = 100
"""Minimum number of jobs for a 99th percentile that is not a single job."""


@dataclass(frozen=True)
class Latency:
    """Results for one database; the lists are in the order of the jobs."""

    database: str
    """Name and version of the database."""
    queued_ms: list[float]
    """Times from the end of the submission to the painter, in milliseconds."""
    submitted_ms: list[float]
    """Times from the start of the submission to the painter, in milliseconds."""
    idle_statements: float
    """Statements per second that the idle engine sends to the database."""
    idle_engine_ms: float
    """Processor time of the idle engine, in milliseconds per second."""
    idle_database_ms: float | None
    """Processor time of the database, in milliseconds per second; None if unknown."""


class Engine:
    """The idle engine's process, and its messages."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    @contextlib.asynccontextmanager
    async def start(cls, values: dict[str, Any]) -> AsyncIterator["Engine"]:
        """Start it; it ends with the block."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.children.waiting_engine"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )
        engine = cls(process)
        try:
            engine.send(json.dumps({**values, "atelier_data_dir": str(values["atelier_data_dir"])}))
            yield engine
        finally:
            assert process.stdin is not None
            process.stdin.close()
            await process.wait()

    def send(self, line: str) -> None:
        """Send a line to its input."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")

    async def hear(self) -> dict[str, Any]:
        """Its next message."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise BenchError("The engine ended; what it said stands above.")
        said: dict[str, Any] = json.loads(line)
        return said

    async def spent(self) -> dict[str, Any]:
        """Its counters of statements and processor seconds so far."""
        self.send("")
        return await self.hear()


async def measure(
    values: dict[str, Any], jobs: int, idle_seconds: float, server: postgres.Server | None
) -> Latency:
    """Measure on one database: `jobs` jobs, then an engine that waits for `idle_seconds`.

    Raises:
        BenchError: the database has jobs of others, or the engine ended.
    """
    async with await JobQueue.open(Settings(_env_file=None, **values)) as queue:
        await _refuse_others_jobs(queue)
        name = await _version(queue)
        async with Engine.start(values) as engine:
            times = [await _one(queue, engine) for _ in range(WARM_UP_JOBS + jobs)][WARM_UP_JOBS:]
            await asyncio.sleep(1.0)
            before = await engine.spent()
            database = server.processor_seconds() if server else 0.0
            await asyncio.sleep(idle_seconds)
            after = await engine.spent()
            spent = server.processor_seconds() - database if server else None
    a_second = {key: (after[key] - before[key]) / idle_seconds for key in after}
    return Latency(
        database=name,
        queued_ms=[queued * 1000 for queued, _ in times],
        submitted_ms=[submitted * 1000 for _, submitted in times],
        idle_statements=a_second["statements"],
        idle_engine_ms=a_second["processor_seconds"] * 1000,
        idle_database_ms=None if spent is None else spent / idle_seconds * 1000,
    )


async def _refuse_others_jobs(queue: JobQueue) -> None:
    async with queue.database.read() as connection:
        if await connection.scalar(sa.select(sa.exists(schema.jobs.select()))):
            raise BenchError("That database has jobs; please name an empty one.")


async def _version(queue: JobQueue) -> str:
    if not queue.database.postgres:
        return f"SQLite {sqlite3.sqlite_version}"
    async with queue.database.read() as connection:
        version = (await connection.execute(sa.text("SHOW server_version"))).scalar_one()
    return f"PostgreSQL {version.split()[0]}"


async def _one(queue: JobQueue, engine: Engine) -> tuple[float, float]:
    """Latencies from the end and from the start of one submission, in seconds."""
    # Not synchronized with anything periodic, such as a poll.
    await asyncio.sleep(random.uniform(0.05, LONGEST_PAUSE_SECONDS))  # noqa: S311 - not secrets
    began = time.time()
    job = await submit_job(queue)
    queued = time.time()
    said = await engine.hear()
    assert said["job"] == job.id
    while (now := await queue.jobs.get(job.id)) is not None and not now.state.ended:
        await queue.wait_for_change(0.1)
    return said["at"] - queued, said["at"] - began


def percentile(values: Sequence[float], fraction: float) -> float:
    """The value that this fraction of all do not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(fraction * len(values)) - 1)]


def latency_text(measured: Sequence[Latency]) -> str:
    """Two tables: how long it took, and what waiting costs."""
    waits = [
        (
            f"{one.database}, {what}",
            str(len(values)),
            *(f"{percentile(values, part):.0f}" for part in (0.5, 0.9, 0.99, 1.0)),
        )
        for one in measured
        for what, values in (
            ("from queued", one.queued_ms),
            ("its submission included", one.submitted_ms),
        )
    ]
    idle = [
        (
            one.database,
            f"{one.idle_statements:.1f}",
            f"{one.idle_engine_ms:.1f}",
            "" if one.idle_database_ms is None else f"{one.idle_database_ms:.1f}",
        )
        for one in measured
    ]
    head = ("until the painter has it, ms", "jobs", "median", "90 %", "99 %", "longest")
    idle_head = (
        "an engine that waits, a second",
        "statements",
        "its processor, ms",
        "the database's processor, ms",
    )
    return f"{table(head, waits)}\n{table(idle_head, idle)}"


@contextlib.contextmanager
def _postgresql(url: str | None) -> Iterator[tuple[str, postgres.Server | None] | None]:
    """The URL given, or that of a private server; None if there is none."""
    if url is not None:
        yield url, None
    elif postgres.find_binaries() is None:
        print("PostgreSQL is not installed: only SQLite is measured.", flush=True)
        yield None
    else:
        with postgres.running(SERVER_OPTIONS) as server:
            asyncio.run(server.execute("CREATE DATABASE latency"))
            yield server.url("latency"), server


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure both databases, and write the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.queue_latency", description=__doc__)
    parser.add_argument("--postgres", metavar="URL", help="an empty database to use")
    parser.add_argument("--jobs", type=int, default=300, help="on each database")
    parser.add_argument("--idle", type=float, default=30.0, help="seconds that an engine waits")
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args(arguments)
    if chosen.jobs < 1 or chosen.idle <= 0:
        parser.error("there have to be a job and a while to wait")
    measured = []
    with tempfile.TemporaryDirectory() as folder:
        values = {"atelier_data_dir": Path(folder), **GENEROUS_LIMITS}
        print("… SQLite", flush=True)
        amounts = chosen.jobs, chosen.idle
        measured.append(asyncio.run(measure(values, *amounts, None)))
        with _postgresql(chosen.postgres) as found:
            if found is not None:
                print("… PostgreSQL", flush=True)
                url, server = found
                values["atelier_database_url"] = url
                measured.append(asyncio.run(measure(values, *amounts, server)))
    publish(
        chosen.out / "queue_latency.md",
        "Until an idle engine has a job",
        latency_text(measured),
        measured,
        machine=machine("cpu"),
        command="python -m bench.queue_latency",
        quick=chosen.jobs < JOBS_THAT_COUNT,
        if_busy="measure on a quiet one before you compare.",
    )


if __name__ == "__main__":
    run(main, QueueError)
