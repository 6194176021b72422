"""Bot and engines are killed at random; every job ends once, with one message."""

import asyncio
import multiprocessing
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from bench.children import pausing_engine
from jobs.model import ENDED, Job, JobState
from jobs.queue import JobQueue
from tests.kit.samples import GENEROUS_LIMITS, Storage
from tests.whole import tiny_bot
from tests.whole.tiny_discord import TinyDiscord

resource = pytest.importorskip("resource", reason="limits of a process are POSIX's")
JOBS_PER_KILL = 2
ENGINES = 3
STEPS = 5
STEP_SECONDS = 0.13
WAIT_SECONDS = 150.0


class ProcessGroup:
    """The processes of the bot and the engines."""

    def __init__(self, settings: dict[str, Any], port: int) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.whole.tiny_bot"])
        self._settings = settings
        self._port = port
        self._count = 0
        self.processes: dict[str, BaseProcess] = {}

    def start(self, name: str) -> None:
        self._count += 1
        target: Callable[..., None] = pausing_engine.run
        arguments: tuple[Any, ...] = (self._settings, f"{name}-{self._count}", STEPS, STEP_SECONDS)
        if name == "bot":
            target, arguments = tiny_bot.run_bot, (self._settings, self._port)
        process = self._context.Process(target=target, args=arguments, daemon=True)
        process.start()
        self.processes[name] = process

    def kill(self, name: str) -> None:
        process = self.processes[name]
        process.kill()
        process.join(10)

    def stop(self) -> None:
        for name in self.processes:
            self.kill(name)

    def lock_database(self, file: Path, seconds: float) -> BaseProcess:
        process = self._context.Process(target=tiny_bot.lock, args=(file, seconds), daemon=True)
        process.start()
        return process

    @contextmanager
    def disk_full(self) -> Iterator[None]:
        """Keep the running processes from writing any file beyond 4 KiB, as on a full disk."""
        limited = [process.pid for process in self.processes.values() if process.is_alive()]
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        for pid in limited:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        try:
            yield
        finally:
            for process in self.processes.values():
                if process.pid in limited and process.is_alive():
                    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, unlimited)


@asynccontextmanager
async def running(settings: dict[str, Any], port: int) -> AsyncIterator[ProcessGroup]:
    group = ProcessGroup(settings, port)
    try:
        for name in ("bot", *(f"engine-{n}" for n in range(ENGINES))):
            group.start(name)
        yield group
    finally:
        group.stop()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("database_kind", "kills"), [("sqlite", 50), ("postgresql", 15)], indirect=["database_kind"]
)
async def test_every_job_ends_once_with_one_message_under_random_kills(
    storage: Storage, kills: int
) -> None:
    rng = random.Random(20_260)
    settings = {"atelier_data_dir": storage.folder, **GENEROUS_LIMITS}
    settings["atelier_database_url"] = storage.database_url
    async with (
        TinyDiscord() as discord,
        await JobQueue.open(storage.settings()) as queue,
        running(settings, discord.port) as group,
    ):
        locker: BaseProcess | None = None
        for kill in range(kills):
            for _ in range(JOBS_PER_KILL):
                discord.interactions[len(discord.interactions) + 1] = {
                    "user_id": rng.randint(1, 12),
                    "guild_id": rng.choice([5, 6, 7, None]),
                    "size_px": rng.choice([128, 256, 512]),
                }
            await asyncio.sleep(rng.uniform(0.2, 0.5))
            if kill % 10 == 3:
                await cancel_one(queue, rng)
            if kill == kills // 3 and storage.database_url is None:
                locker = group.lock_database(storage.sqlite_file, 5.0)
            if kill == 2 * kills // 3:
                with group.disk_full():
                    await asyncio.sleep(2.0)
            name = rng.choice(list(group.processes))
            group.kill(name)
            group.start(name)
        if locker is not None:
            locker.join(20)
        await wait_until_delivered(queue)
        jobs = [job for n in range(1, 13) for job in await queue.jobs.of_user(n, limit=1000)]
        assert len(jobs) == kills * JOBS_PER_KILL
        assert {job.interaction_id for job in jobs} == set(discord.interactions)
        await check_endings(queue, jobs)
        check_messages(discord, jobs)


async def check_endings(queue: JobQueue, jobs: list[Job]) -> None:
    resumed = 0
    for job in jobs:
        kinds = [event.kind for event in await queue.jobs.history(job.id)]
        assert [kind for kind in kinds if kind in ENDED] == [job.state], "each job ends once"
        resumed += kinds.count("engine_died")
        if job.state is JobState.DONE:
            assert job.result_key is not None
            picture = await queue.store.get(job.result_key)
            assert picture == f"painting of {job.id}".encode()
    assert Counter(job.state for job in jobs)[JobState.DONE] >= len(jobs) * 0.9
    assert resumed > 0, "some engines were killed at work"


def check_messages(discord: TinyDiscord, jobs: list[Job]) -> None:
    shown = Counter(message.nonce for message in discord.messages.values())
    assert shown == {f"atelier-{job.id}": 1 for job in jobs}, "one message for each job"
    for message in discord.messages.values():
        assert len(set(message.final)) == 1, "one ending in each message"
        assert message.contents[-1] == message.final[0], "and nothing replaces it"


async def cancel_one(queue: JobQueue, rng: random.Random) -> None:
    jobs = await queue.positions.waiting(None, limit=50)
    if jobs:
        job = rng.choice(jobs)
        await queue.jobs.cancel(job.id, job.user_id)


async def wait_until_delivered(queue: JobQueue) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        overview = await queue.positions.overview(None)
        left = overview.waiting + overview.running
        if not left and not await queue.deliveries.due() and not await queue.intakes.pending():
            return
        await asyncio.sleep(0.5)
    pytest.fail(f"not all was delivered in time: {await queue.positions.overview(None)}")
