"""The course of a soak test: members post, processes are killed, services fail."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psutil

from bench.bot_process import photographs
from bench.proxy import Proxy
from bench.soak_world import Child
from sandbox.loopback import LoopbackDiscord
from sandbox.model import Interaction

SAMPLE_SECONDS = 15.0
STEADY_SECONDS = 30.0
"""Age from which a process has loaded everything it needs."""


@dataclass(frozen=True)
class Sample:
    """Resource usage of a process at one moment."""

    name: str
    minute: float
    rss_mib: float
    files: int
    threads: int


@dataclass
class Soak:
    """A run, and its observations."""

    discord: LoopbackDiscord
    children: Sequence[Child]
    ways: Mapping[str, Proxy]
    seconds: float
    jobs: int
    members: int
    outages: int
    outage_seconds: float
    kill_seconds: float
    """Interval between kills; 0: never."""
    rng: random.Random
    kills: Counter[str] = field(default_factory=Counter)
    away: Counter[str] = field(default_factory=Counter)
    posted: list[Interaction] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    began_at: float = field(default_factory=time.monotonic)
    discord_is_there: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Run until the end."""
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
        """Post jobs at random moments."""
        pictures = photographs(96)
        users = [self.discord.add_user(f"member{number}") for number in range(self.members)]
        pause = 0.9 * self.seconds / self.jobs
        for number in range(self.jobs):
            await asyncio.sleep(self.rng.expovariate(1 / pause))
            await self.discord_is_there.wait()
            user = self.rng.choice(users)
            options = {"size": 64, "quality": "draft", "seed": number}
            asked = self.discord.slash(user, "paint", options, pictures)
            with contextlib.suppress(TimeoutError, LookupError):
                self.posted.append(await asked)

    async def _kill(self) -> None:
        while self.kill_seconds:
            await asyncio.sleep(self.kill_seconds)
            child = self.rng.choice(self.children)
            child.kill()
            self.kills[child.name] += 1

    async def _break(self) -> None:
        """Let the services fail one after the other, evenly spread over the run."""
        plan = [name for name in (*self.ways, "Discord") for _ in range(self.outages)]
        self.rng.shuffle(plan)
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
