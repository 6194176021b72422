"""A long day in a few hours: `python -m bench.soak --hours 2 --jobs 2000 --outages 10`.

The real bot, a real engine with the small network, PostgreSQL and an S3 store, all processes of
their own. Members post small jobs through a loopback Discord. Each minute a random one of bot and
engine is killed; database, store and Discord are each away for a minute, a number of times, cut off
or silent by turns. At the end each command that was acknowledged has to be one job with one
picture in one message, nobody may be charged, and memory, files and threads have to be flat.
"""

import argparse
import asyncio
import contextlib
import os
import random
import statistics
import sys
import tempfile
import time
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import sqlalchemy as sa

from bench import postgres
from bench.bot_process import photographs
from bench.children.judge import machine
from bench.proxy import Proxy, proxy_to
from bench.report import publish, table
from bench.runner import ROOT, BenchError
from common.settings import Settings
from jobs.db import schema
from jobs.queue import JobQueue
from sandbox.bot_process import bot_environment
from sandbox.control import LoopbackDiscord
from sandbox.model import Interaction, Message

KILL_SECONDS = 60.0
SAMPLE_SECONDS = 15.0
AFTER_SECONDS = 600.0
"""How long what is left may take at the end, when nothing is away and nobody is killed."""
HOURS_THAT_COUNT = 2.0
STEADY_SECONDS = 30.0
"""A process that lives so long has loaded what it needs."""
ENDINGS = {"done", "failed", "cancelled"}
BUCKET = "atelier-soak"


@dataclass
class Child:
    """A process that is started again whenever it ends."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    process: Process | None = None
    started_at: float = 0.0
    starts: int = 0

    async def run(self) -> None:
        """Keep it running until cancelled, as a supervisor does."""
        try:
            while True:
                with self.log.open("ab") as output:
                    self.process = await asyncio.create_subprocess_exec(
                        *self.command,
                        env=dict(self.environment),
                        stdin=asyncio.subprocess.DEVNULL,
                        stdout=output,
                        stderr=output,
                    )
                self.starts += 1
                self.started_at = time.monotonic()
                await self.process.wait()
                await asyncio.sleep(1.0)
        finally:
            if self.process is not None and self.process.returncode is None:
                self.process.terminate()
                try:
                    await asyncio.wait_for(self.process.wait(), 30)
                except TimeoutError:
                    self.process.kill()
                    await self.process.wait()

    def kill(self) -> None:
        """End it without a word, if it runs."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()


@dataclass(frozen=True)
class Sample:
    """What a process held at one moment."""

    name: str
    minute: float
    rss_mib: float
    files: int
    threads: int


@dataclass
class Soak:
    """The run, and what was seen."""

    discord: LoopbackDiscord
    children: Sequence[Child]
    ways: Mapping[str, Proxy]
    seconds: float
    jobs: int
    members: int
    outages: int
    outage_seconds: float
    dice: random.Random
    kills: Counter[str] = field(default_factory=Counter)
    away: Counter[str] = field(default_factory=Counter)
    posted: list[Interaction] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    began_at: float = field(default_factory=time.monotonic)
    discord_is_there: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Let the day pass."""
        self.discord_is_there.set()
        workers = [
            asyncio.create_task(work())
            for work in (self._post, self._kill, self._break, self._sample)
        ]
        done, _ = await asyncio.wait(
            workers, timeout=self.seconds, return_when=asyncio.FIRST_EXCEPTION
        )
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        for proxy in self.ways.values():
            proxy.mend()
        for task in done:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def _post(self) -> None:
        """Members post, at moments of their own."""
        pictures = photographs(96)
        users = [self.discord.add_user(f"member{number}") for number in range(self.members)]
        pause = 0.9 * self.seconds / self.jobs
        for number in range(self.jobs):
            await asyncio.sleep(self.dice.expovariate(1 / pause))
            await self.discord_is_there.wait()
            user = self.dice.choice(users)
            options = {"size": 64, "quality": "draft", "seed": number}
            asked = self.discord.slash(user, "paint", options, pictures)
            with contextlib.suppress(TimeoutError, LookupError):
                self.posted.append(await asked)

    async def _kill(self) -> None:
        while True:
            await asyncio.sleep(KILL_SECONDS)
            child = self.dice.choice(self.children)
            child.kill()
            self.kills[child.name] += 1

    async def _break(self) -> None:
        """Let each be away, one after another, with as much time between as there is."""
        plan = [name for name in (*self.ways, "Discord") for _ in range(self.outages)]
        self.dice.shuffle(plan)
        between = (0.95 * self.seconds - len(plan) * self.outage_seconds) / (len(plan) + 1)
        for number, name in enumerate(plan):
            await asyncio.sleep(max(5.0, between))
            self.away[name] += 1
            if name == "Discord":
                self.discord_is_there.clear()
                await self.discord.outage(self.outage_seconds)
                await asyncio.sleep(self.outage_seconds)
                self.discord_is_there.set()
                continue
            proxy = self.ways[name]
            (proxy.cut if number % 2 else proxy.silence)()
            await asyncio.sleep(self.outage_seconds)
            proxy.mend()

    async def _sample(self) -> None:
        while True:
            await asyncio.sleep(SAMPLE_SECONDS)
            for child in self.children:
                old_enough = time.monotonic() - child.started_at > STEADY_SECONDS
                if child.process is None or not old_enough:
                    continue
                with contextlib.suppress(psutil.Error):
                    seen = psutil.Process(child.process.pid)
                    if seen.status() == psutil.STATUS_ZOMBIE:
                        continue
                    self.samples.append(
                        Sample(
                            child.name,
                            (time.monotonic() - self.began_at) / 60,
                            seen.memory_info().rss / 2**20,
                            seen.num_fds(),
                            seen.num_threads(),
                        )
                    )


def is_result(message: Message | None) -> bool:
    """Whether a message shows a finished picture."""
    if message is None or not message.attachments:
        return False
    return any(button.get("label") == "Again" for button in message.buttons)


def was_refused(interaction: Interaction) -> bool:
    """Whether the member was told that it does not work at the moment."""
    messages = [interaction.message, *interaction.followups]
    return any(one is not None and "try again" in one.text for one in messages)


@dataclass(frozen=True)
class Verdict:
    """What came of it."""

    minutes: float
    posted: int
    acknowledged: int
    told_to_try_again: int
    """Commands that the store or the database could not take in, and whose member was told so."""
    lost: int
    """Acknowledged commands that are no job, and whose member was told nothing."""
    jobs: int
    states: dict[str, int]
    shown: int
    messages: int
    direct_messages: int
    ended_twice: int
    deaths: int
    charged: int
    """Jobs that count against a member's day and gave no picture."""
    kills: dict[str, int]
    away: dict[str, int]
    starts: dict[str, int]
    held: list[tuple[str, str, float, float]]
    """Process, what, its median in the second quarter, and in the last."""

    def faults(self) -> list[str]:
        """What was promised and not kept."""
        said = []
        if self.lost:
            said.append(f"{self.lost} acknowledged commands are no job")
        if self.states.get("done", 0) != self.jobs:
            said.append(f"of {self.jobs} jobs these ended otherwise: {self.states}")
        if self.shown < self.jobs:
            said.append(f"{self.jobs - self.shown} pictures are not shown")
        if self.messages > self.jobs + self.told_to_try_again or self.direct_messages:
            said.append(
                f"{self.messages} messages and {self.direct_messages} direct ones for "
                f"{self.jobs} jobs"
            )
        if self.ended_twice:
            said.append(f"{self.ended_twice} jobs ended twice")
        if self.charged:
            said.append(f"{self.charged} jobs without a picture were charged")
        return said


async def judged(soak: Soak, queue: JobQueue) -> Verdict:
    """Wait for what is left, and count."""
    asked = [one for one in soak.posted if one.acknowledged]
    await soak.discord.until(
        lambda: all(is_result(one.message) or was_refused(one) for one in asked), AFTER_SECONDS
    )
    await asyncio.sleep(5.0)  # what was shown is marked so
    async with queue.database.read() as connection:
        jobs = (await connection.execute(sa.select(schema.jobs))).all()
        events = (
            await connection.execute(
                sa.select(schema.events.c.job_id, sa.func.count())
                .where(schema.events.c.kind.in_(ENDINGS))
                .group_by(schema.events.c.job_id)
            )
        ).all()
    known = {row.interaction_id for row in jobs}
    lost = [one for one in asked if one.id not in known and not was_refused(one)]
    shown = [one for one in soak.posted if one.id in known and is_result(one.message)]
    discord = soak.discord
    users = {one.user.id: one.user for one in soak.posted}
    return Verdict(
        minutes=(time.monotonic() - soak.began_at) / 60,
        posted=len(soak.posted),
        acknowledged=len(asked),
        jobs=len(jobs),
        states=dict(Counter(str(row.state) for row in jobs)),
        told_to_try_again=sum(was_refused(one) and one.id not in known for one in asked),
        lost=len(lost),
        shown=len(shown),
        messages=len(discord.messages()),
        direct_messages=sum(len(discord.dms(user)) for user in users.values()),
        ended_twice=sum(count > 1 for _, count in events),
        deaths=sum(int(row.deaths) for row in jobs),
        charged=sum(bool(row.counted) and row.state != "done" for row in jobs),
        kills=dict(soak.kills),
        away=dict(soak.away),
        starts={child.name: child.starts for child in soak.children},
        held=list(_held(soak)),
    )


def _held(soak: Soak) -> list[tuple[str, str, float, float]]:
    whole = soak.seconds / 60
    measures: dict[str, Callable[[Sample], float]] = {
        "memory, MiB": lambda one: one.rss_mib,
        "open files": lambda one: float(one.files),
        "threads": lambda one: float(one.threads),
    }
    rows = []
    for child in soak.children:
        mine = [one for one in soak.samples if one.name == child.name]
        early = [one for one in mine if whole / 4 <= one.minute < whole / 2]
        late = [one for one in mine if one.minute >= whole * 3 / 4]
        if early and late:
            rows += [
                (
                    child.name,
                    what,
                    statistics.median(map(measure, early)),
                    statistics.median(map(measure, late)),
                )
                for what, measure in measures.items()
            ]
    return rows


def verdict_text(verdict: Verdict) -> str:
    """What came of it, as Markdown."""
    away = ", ".join(f"{name} {count}" for name, count in sorted(verdict.away.items()))
    kills = ", ".join(f"{name} {count}" for name, count in sorted(verdict.kills.items()))
    rows = [
        ("minutes", f"{verdict.minutes:.0f}"),
        ("commands posted", str(verdict.posted)),
        ("of them acknowledged", str(verdict.acknowledged)),
        ("of them told to try again", str(verdict.told_to_try_again)),
        ("of them lost", str(verdict.lost)),
        ("jobs", str(verdict.jobs)),
        ("how they ended", ", ".join(f"{n} {c}" for n, c in verdict.states.items())),
        ("pictures shown", str(verdict.shown)),
        ("messages in channels", str(verdict.messages)),
        ("direct messages", str(verdict.direct_messages)),
        ("jobs that ended twice", str(verdict.ended_twice)),
        ("deaths of engines over jobs", str(verdict.deaths)),
        ("jobs charged without a picture", str(verdict.charged)),
        ("kills", kills),
        ("times away", away),
        ("starts", ", ".join(f"{n} {c}" for n, c in verdict.starts.items())),
    ]
    held = [(n, what, f"{a:.0f}", f"{b:.0f}") for n, what, a, b in verdict.held]
    faults = verdict.faults()
    said = "\n".join(f"- {fault}" for fault in faults) if faults else "Every promise was kept."
    return (
        f"{table(('what', 'seen'), rows)}\n"
        f"{table(('process', 'holds', 'second quarter', 'last quarter'), held)}\n{said}\n"
    )


@contextlib.asynccontextmanager
async def s3_server(log: Path) -> AsyncIterator[int]:
    """A loopback S3 as a process of its own; its port."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"),
            stdout=output,
            stderr=output,
        )
    try:
        port = 0
        for _ in range(300):
            listening = psutil.Process(process.pid).net_connections("tcp")
            port = next((one.laddr.port for one in listening if one.status == "LISTEN"), 0)
            if port:
                break
            await asyncio.sleep(0.2)
        if not port:
            raise BenchError(f"The S3 server did not start: see {log}.")
        yield port
    finally:
        process.kill()
        await process.wait()


async def soaked(server: postgres.Server, folder: Path, chosen: argparse.Namespace) -> Verdict:
    """Start everything, let it run, judge it."""
    await server.execute("CREATE DATABASE soak")
    url = sa.make_url(server.url("soak"))
    async with contextlib.AsyncExitStack() as stack:
        discord = await stack.enter_async_context(LoopbackDiscord.start())
        s3_port = await stack.enter_async_context(s3_server(folder / "s3.log"))
        database = await stack.enter_async_context(
            proxy_to(str(url.host or "127.0.0.1"), int(url.port or 5432))
        )
        store = await stack.enter_async_context(proxy_to("127.0.0.1", s3_port))
        s3 = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{store.port}",
            "AWS_ACCESS_KEY_ID": "soaking",
            "AWS_SECRET_ACCESS_KEY": "soaking-secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        os.environ |= s3
        await asyncio.to_thread(_make_bucket)
        through = url.set(host="127.0.0.1", port=database.port)
        environment = bot_environment(discord.environment(), folder / "data") | {
            **s3,
            "ATELIER_DATABASE_URL": through.render_as_string(hide_password=False),
            "ATELIER_STORAGE_URL": f"s3://{BUCKET}/pictures",
            "ATELIER_ENGINE": "external",
            "ATELIER_NETWORK": "lite",
            "ATELIER_DEVICE": "cpu",
            "ATELIER_MAX_WAITING_PER_USER": "1000",
            "ATELIER_MAX_WAITING_PER_SERVER": "10000",
            "ATELIER_MAX_PER_DAY": "10000",
            "OMP_NUM_THREADS": "1",
        }
        python = sys.executable
        children = [
            Child("bot", (python, "-m", "bot"), environment, chosen.logs / "soak-bot.log"),
            Child("engine", (python, "-m", "engine"), environment, chosen.logs / "soak-engine.log"),
        ]
        for child in children:
            child.log.unlink(missing_ok=True)
            running = asyncio.create_task(child.run())
            stack.push_async_callback(_ended, running)
        if not await discord.until(lambda: discord.gateway.connected and discord.commands, 180):
            raise BenchError(f"The bot was not ready: see {children[0].log}.")
        soak = Soak(
            discord,
            children,
            {"database": database, "store": store},
            chosen.hours * 3600,
            chosen.jobs,
            chosen.members,
            chosen.outages,
            chosen.outage_seconds,
            random.Random(chosen.seed),  # noqa: S311 - keeps no secret
        )
        await soak.run()
        settings = Settings(
            _env_file=None,
            atelier_data_dir=folder / "judge",
            atelier_database_url=server.url("soak"),
        )
        queue = await stack.enter_async_context(await JobQueue.open(settings, may_migrate=False))
        return await judged(soak, queue)


def _make_bucket() -> None:
    import s3fs  # noqa: PLC0415 - an extra

    s3fs.S3FileSystem(skip_instance_cache=True).mkdir(BUCKET)


async def _ended(running: "asyncio.Task[None]") -> None:
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it, and write the table; 1 where a promise was not kept."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--hours", type=float, default=HOURS_THAT_COUNT)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--members", type=int, default=30)
    parser.add_argument("--outages", type=int, default=10, help="of each: database, store, Discord")
    parser.add_argument("--outage-seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=20_261_128)
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "results")
    parser.add_argument("--logs", type=Path, default=Path(tempfile.gettempdir()))
    chosen = parser.parse_args(arguments)
    if postgres.find_binaries() is None:
        raise BenchError("PostgreSQL is not installed.")
    with (
        postgres.running() as server,
        tempfile.TemporaryDirectory(prefix="atelier-soak-", ignore_cleanup_errors=True) as folder,
    ):
        verdict = asyncio.run(soaked(server, Path(folder), chosen))
    publish(
        chosen.out / "soak.md",
        "A long day",
        verdict_text(verdict),
        verdict,
        machine=machine("cpu"),
        command=f"python -m bench.soak --hours {chosen.hours:g} --jobs {chosen.jobs} "
        f"--members {chosen.members} --outages {chosen.outages} "
        f"--outage-seconds {chosen.outage_seconds:g}",
        quick=chosen.hours < HOURS_THAT_COUNT,
    )
    return 1 if verdict.faults() else 0


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except BenchError as problem:
        raise SystemExit(str(problem)) from None
