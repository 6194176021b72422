"""Measures how many engines one database supports, and how fair the queue is.

    python -m bench.queue_simulation            # everything, on a private PostgreSQL
    python -m bench.queue_simulation --engines 1000 --seconds 60

Part one repeats each operation of an engine and divides PostgreSQL's processor time by their
number, which does not depend on other load. Part two runs a fleet of simulated engines on the real
queue in simulated time: every claim, renewal, progress report and checkpoint is a real transaction,
in the order of the simulated clock. The database's processor time divided by the simulated time is
the share of a core that such a fleet needs. Part three evaluates the waiting times of that
simulation.
"""

import argparse
import asyncio
import heapq
import itertools
import os
import platform
import random
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from bench import postgres
from bench.queue_samples import GENEROUS_LIMITS, RESULT, submission
from bench.report import table
from bench.runner import run
from common.options import PaintOptions
from common.settings import Settings
from common.store import key_for
from engine.worker.lease import RENEWALS_A_LEASE
from engine.worker.progress_reporter import CHECKPOINT_SECONDS, PREVIEW_SECONDS, PROGRESS_SECONDS
from jobs.execution.leases import LEASE_SECONDS
from jobs.model import Claim, EngineInfo, PaintReport, Progress
from jobs.queue import JobQueue

# Durable commits, as in an installation.
SERVER_OPTIONS = ("max_connections=100", "unix_socket_directories=", "shared_buffers=256MB")
RENEW_SECONDS = LEASE_SECONDS / RENEWALS_A_LEASE
MEAN_JOB_SECONDS = 60.0
AT_ONCE = 8
REPORT = PaintReport("lite", "cpu", "fp32", 512, 384, MEAN_JOB_SECONDS, 300, 1)


@dataclass(frozen=True)
class Cost:
    """What an operation costs, in milliseconds of processor time."""

    name: str
    database_ms: float
    client_ms: float
    a_second: float
    """Operations per second, with client and database on the same cores."""


async def measure(
    server: postgres.Server, name: str, operation: Callable[[int], Awaitable[object]], times: int
) -> Cost:
    """Run an operation `times` times, several concurrently."""
    numbers = iter(range(times))

    async def work() -> None:
        for number in numbers:
            await operation(number)

    database, client = server.processor_seconds(), time.process_time()
    wall = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return Cost(
        name,
        (server.processor_seconds() - database) / times * 1000,
        (time.process_time() - client) / times * 1000,
        times / (time.perf_counter() - wall),
    )


async def operations(server: postgres.Server, settings: Settings, times: int) -> list[Cost]:
    """Measure each step of a job's life, `times` times, with as many jobs waiting."""
    claims: list[Claim] = []
    async with await JobQueue.open(settings) as queue:
        await queue.engines.register(EngineInfo("engine", "host", "cpu", "lite", "0", 1))

        async def submit(number: int) -> None:
            await queue.submissions.submit(submission(number % 500 + 1, number % 50 + 1))

        async def claim(_: int) -> None:
            claimed = await queue.claims.claim("engine", lease_seconds=3600)
            assert claimed is not None
            claims.append(claimed)

        async def renew(number: int) -> None:
            await queue.claims.renew(claims[number])

        async def progress(number: int) -> None:
            await queue.claims.report_progress(claims[number], Progress(number, 300, 0.5, 30.0))

        async def checkpoint(number: int) -> None:
            await queue.claims.save_checkpoint(claims[number], RESULT)

        async def position(number: int) -> None:
            await queue.positions.get(claims[number].job.id)

        async def finish(number: int) -> None:
            await queue.claims.finish(claims[number], RESULT, REPORT)

        async def ask(_: int) -> None:
            await queue.claims.claim("engine")

        costs = [await measure(server, "submit", submit, times)]
        jobs = await queue.positions.waiting(None, limit=times)
        places = iter(itertools.cycle(job.id for job in jobs[-20:]))
        costs.append(
            await measure(
                server,
                f"place and time of the last of {times}",
                lambda _: queue.positions.get(next(places)),
                min(times, 200),
            )
        )
        for name, operation in (
            ("claim", claim),
            ("renew", renew),
            ("report progress", progress),
            ("save checkpoint", checkpoint),
            ("finish", finish),
            ("ask an empty queue", ask),
        ):
            costs.append(await measure(server, name, operation, times))
    return costs


@dataclass(frozen=True)
class FleetResult:
    """Results of the simulation."""

    engines: int
    simulated_seconds: float
    finished: int
    transactions: int
    database_seconds: float
    waits: dict[str, list[float]]


class SimulatedClock:
    """A clock set by the simulation."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        """Seconds since 1970."""
        return self.now


class Simulation:
    """Simulated engines on the real queue, driven by an event queue in simulated time."""

    def __init__(self, queue: JobQueue, clock: SimulatedClock, engines: int, seed: int) -> None:
        self.queue = queue
        self.clock = clock
        self.engines = engines
        self.rng = random.Random(seed)  # noqa: S311 - not secrets
        self.began = clock.now
        self.transactions = 0
        self.finished = 0
        self.waits: dict[str, list[float]] = defaultdict(list)
        self._kinds: dict[int, str] = {}
        self._held: dict[int, tuple[Claim, float]] = {}
        self._order = itertools.count()
        self._agenda: list[tuple[float, int, int, str, int]] = []

    async def fill(self, jobs: int) -> None:
        """Queue jobs of three kinds of users: one picture, thirty at once, a crowd.

        The crowd is one server whose members all submit at the same moment.
        """
        users = itertools.count(1)
        queued = 0
        while queued < jobs:
            kind = self.rng.choices(("one picture", "thirty pictures", "crowd"), (20, 1, 5))[0]
            user = next(users)
            guild = 1 if kind == "crowd" else user % 200 + 2
            self._kinds[user] = kind
            for _ in range(30 if kind == "thirty pictures" else 1):
                options = PaintOptions(size_px=self.rng.choice([256, 512, 1024]))
                await self.queue.submissions.submit(submission(user, guild, options=options))
                queued += 1

    async def run(self, seconds: float) -> None:
        """Let the engines work for this number of simulated seconds."""
        for engine in range(self.engines):
            self._plan(self.began + self.rng.random() * 5, engine, "claim")
        while self._agenda and self._agenda[0][0] < self.began + seconds:
            batch = [heapq.heappop(self._agenda) for _ in range(min(AT_ONCE, len(self._agenda)))]
            self.clock.now = max(self.clock.now, batch[0][0])
            await asyncio.gather(*(self._act(when, n, due, job) for when, _, n, due, job in batch))

    def _plan(self, when: float, engine: int, due: str, job_id: int = 0) -> None:
        heapq.heappush(self._agenda, (when, next(self._order), engine, due, job_id))

    async def _act(self, when: float, engine: int, due: str, job_id: int) -> None:
        if due == "claim":
            await self._claim(when, engine)
            return
        claim, ends = self._held.get(engine, (None, 0.0))
        if claim is None or claim.job.id != job_id or (when > ends and due != "finish"):
            return
        self.transactions += 1
        match due:
            case "renew":
                await self.queue.claims.renew(claim)
                self._plan(when + RENEW_SECONDS, engine, due, job_id)
            case "progress":
                # As in the worker: only some reports have a new preview.
                preview = key_for(f"{job_id} {when // PREVIEW_SECONDS}".encode(), "jpg")
                progress = Progress(1, 300, 0.5, ends - when, preview)
                await self.queue.claims.report_progress(claim, progress)
                self._plan(when + PROGRESS_SECONDS, engine, due, job_id)
            case "checkpoint":
                await self.queue.claims.save_checkpoint(claim, RESULT)
                self._plan(when + CHECKPOINT_SECONDS, engine, due, job_id)
            case _:
                await self.queue.claims.finish(claim, RESULT, REPORT)
                self.finished += 1
                del self._held[engine]
                self._plan(when, engine, "claim")

    async def _claim(self, when: float, engine: int) -> None:
        self.transactions += 1
        claim = await self.queue.claims.claim(f"engine-{engine}", lease_seconds=LEASE_SECONDS)
        if claim is None:
            self._plan(when + 5, engine, "claim")
            return
        self.waits[self._kinds[claim.job.user_id]].append(when - self.began)
        ends = when + self.rng.uniform(0.5, 1.5) * MEAN_JOB_SECONDS
        self._held[engine] = (claim, ends)
        for due, every in (
            ("renew", RENEW_SECONDS),
            ("progress", PROGRESS_SECONDS),
            ("checkpoint", CHECKPOINT_SECONDS),
        ):
            self._plan(when + self.rng.random() * every, engine, due, claim.job.id)
        self._plan(ends, engine, "finish", claim.job.id)


async def fleet(
    server: postgres.Server, settings: Settings, engines: int, seconds: float, seed: int
) -> FleetResult:
    """Run a fleet for simulated time, with a queue that does not become empty."""
    clock = SimulatedClock()
    async with await JobQueue.open(settings, clock=clock) as queue:
        simulation = Simulation(queue, clock, engines, seed)
        await simulation.fill(int(engines * (1 + seconds / MEAN_JOB_SECONDS) * 1.3))
        before = server.processor_seconds()
        await simulation.run(seconds)
        spent = server.processor_seconds() - before
    return FleetResult(
        engines=engines,
        simulated_seconds=seconds,
        finished=simulation.finished,
        transactions=simulation.transactions,
        database_seconds=spent,
        waits=dict(simulation.waits),
    )


def show_costs(costs: list[Cost]) -> None:
    """Print the table of part one."""
    rows = [
        (one.name, f"{one.database_ms:.2f}", f"{one.client_ms:.2f}", f"{one.a_second:.0f}")
        for one in costs
    ]
    print(table(("operation", "database ms", "client ms", "a second here"), rows))


def show_fleet(result: FleetResult) -> None:
    """Print parts two and three."""
    load = result.database_seconds / result.simulated_seconds
    rate = result.transactions / result.simulated_seconds
    print(
        f"{result.engines} engines for {result.simulated_seconds:.0f} simulated seconds: "
        f"{result.transactions} transactions ({rate:.0f} a second), {result.finished} pictures, "
        f"{result.database_seconds:.1f} s of the database's processor time: "
        f"{load:.2f} cores ({load / result.engines * 1000:.2f} for each 1,000 engines)."
    )
    rows = [
        (kind, str(len(waits)), f"{statistics.median(waits):.1f}", f"{max(waits):.1f}")
        for kind, waits in sorted(result.waits.items())
    ]
    print("\n" + table(("who", "started", "median wait s", "longest s"), rows))


async def measure_all(arguments: argparse.Namespace, server: postgres.Server, folder: Path) -> None:
    """All parts, each on a database of its own."""
    for name in ("operations", "fleet"):
        await server.execute(f"CREATE DATABASE {name}")

    def settings(name: str) -> Settings:
        return Settings(
            _env_file=None,
            atelier_data_dir=folder,
            atelier_database_url=server.url(name),
            **GENEROUS_LIMITS,
        )

    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}\n")
    show_costs(await operations(server, settings("operations"), arguments.times))
    result = await fleet(
        server, settings("fleet"), arguments.engines, arguments.seconds, arguments.seed
    )
    show_fleet(result)


def main() -> None:
    """Start a private PostgreSQL, and measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--times", type=int, default=1000, help="jobs in part one")
    parser.add_argument("--engines", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0, help="simulated seconds")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with postgres.running(SERVER_OPTIONS) as server, tempfile.TemporaryDirectory() as name:
        asyncio.run(measure_all(arguments, server, Path(name)))


if __name__ == "__main__":
    run(main)
