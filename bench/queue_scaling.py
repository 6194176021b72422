"""Throughput by number of engines: `python -m bench.queue_scaling`.

Real engine processes share one PostgreSQL. Painting is a pause of one second, so that the queue is
measured, not this machine's cores.
"""

import asyncio
import multiprocessing
import tempfile
from pathlib import Path

import sqlalchemy as sa

from bench import postgres
from bench.children import pausing_engine
from bench.queue_samples import GENEROUS_LIMITS, submit_job
from bench.runner import run
from common.settings import Settings
from jobs.db.rows import J
from jobs.queue import JobQueue

ENGINES = (1, 2, 4)
JOBS_AN_ENGINE = 12
STEPS, STEP_SECONDS = 2, 0.5


async def paint(url: str, folder: Path, engines: int) -> float:
    """Pictures a second with this number of engines, from the first start to the last end."""
    values = {"atelier_data_dir": folder, "atelier_database_url": url, **GENEROUS_LIMITS}
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bench.children.pausing_engine"])
    async with await JobQueue.open(Settings(_env_file=None, **values)) as queue:
        for number in range(JOBS_AN_ENGINE * engines):
            await submit_job(queue, number % 7 + 1, number % 3 + 5)
        painters = [
            context.Process(
                target=pausing_engine.run,
                args=(values, f"engine-{number}", STEPS, STEP_SECONDS),
                daemon=True,
            )
            for number in range(engines)
        ]
        for painter in painters:
            painter.start()
        while (overview := await queue.positions.overview(None)).waiting or overview.running:
            await queue.wait_for_change(0.5)
        for painter in painters:
            painter.kill()
            painter.join()
        async with queue.database.read() as connection:
            times = sa.select(sa.func.max(J.ended_at) - sa.func.min(J.started_at))
            seconds = float((await connection.execute(times)).scalar_one())
    return JOBS_AN_ENGINE * engines / seconds


async def measure(server: postgres.Server, folder: Path) -> None:
    """Each number of engines on a database of its own."""
    alone = 0.0
    print(f"{'engines':>8}{'pictures a second':>20}{'times one engine':>18}")
    for engines in ENGINES:
        await server.execute(f"CREATE DATABASE scaling_{engines}")
        rate = await paint(server.url(f"scaling_{engines}"), folder, engines)
        alone = alone or rate
        print(f"{engines:>8}{rate:>20.2f}{rate / alone:>18.2f}", flush=True)


def main() -> None:
    """Start a private PostgreSQL, and measure."""
    with postgres.running() as server, tempfile.TemporaryDirectory() as name:
        asyncio.run(measure(server, Path(name)))


if __name__ == "__main__":
    run(main)
