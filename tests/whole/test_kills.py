"""Repeated kills of the real bot and the real engine lose no command."""

import asyncio
import contextlib
import random
import sqlite3
from collections import Counter
from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa

from common.settings import Settings
from jobs.db import schema
from jobs.model import ENDED
from jobs.queue import JobQueue
from sandbox.model import Interaction
from tests.kit.forked import ForkServer
from tests.kit.installation import EXTERNAL_ENGINE, Installation

pytestmark = pytest.mark.slow

MEMBERS = ("ada", "grace")
BOT_KILLS = 3
ENGINE_KILLS = 2
COMMANDS_PER_RUN = 2


@dataclass
class KillLoop:
    """Members post commands while bot and engine are killed at random moments."""

    installation: Installation
    queue: JobQueue
    rng: random.Random
    fork_server: ForkServer
    commands: list["asyncio.Task[Interaction]"] = field(default_factory=list)

    def send_command(self) -> None:
        user, seed = self.rng.choice(MEMBERS), len(self.commands)
        self.commands.append(asyncio.create_task(self.installation.request_painting(user, seed)))

    async def kill_bots(self) -> None:
        """Start the bot and kill it, repeatedly."""
        for _ in range(BOT_KILLS):
            async with self.installation.bot(EXTERNAL_ENGINE) as bot:
                for _ in range(COMMANDS_PER_RUN):
                    self.send_command()
                    await asyncio.sleep(self.rng.uniform(0.0, 1.0))
                await bot.kill()

    async def kill_engines(self) -> None:
        """Start engines and kill each when it has just begun to paint, except the last."""
        for _ in range(ENGINE_KILLS):
            before = await self._claims()
            async with self.installation.engine(self.fork_server) as engine:
                while await self._claims() == before:
                    assert engine.poll() is None
                    await asyncio.sleep(0.05)
                await asyncio.sleep(self.rng.uniform(0.0, 0.3))
        async with self.installation.engine(self.fork_server) as engine:
            while engine.poll() is None:
                await asyncio.sleep(0.1)

    async def _claims(self) -> int:
        claims = sa.select(sa.func.count()).where(schema.events.c.kind == "claimed")
        async with self.queue.database.read() as connection:
            return int(await connection.scalar(claims) or 0)


@pytest.mark.parametrize("seed", [20_261])
async def test_each_command_ends_once_with_one_message_despite_kills(
    installation: Installation, fork_server: ForkServer, seed: int
) -> None:
    settings = Settings(_env_file=None, atelier_data_dir=installation.folder / "data")
    async with await JobQueue.open(settings) as queue:
        kills = KillLoop(installation, queue, random.Random(seed), fork_server)
        engines = asyncio.create_task(kills.kill_engines())
        try:
            await kills.kill_bots()
            posted = await asyncio.gather(*kills.commands)
            acknowledged = [interaction for interaction in posted if interaction.acknowledged]
            async with installation.bot(EXTERNAL_ENGINE):
                messages = [await installation.result(interaction) for interaction in acknowledged]
                assert not engines.done(), "the last engine is running"
        finally:
            engines.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await engines
        assert len(acknowledged) >= BOT_KILLS
        # Other messages are notifications, which mention a member after a long wait.
        answers = [m.id for m in installation.discord.messages() if not m.mentions]
        assert answers == sorted({m.id for m in messages})
        assert len({message.id for message in messages}) == len(acknowledged)
        for user in MEMBERS:
            assert not installation.discord.dms(installation.discord.user(user))
        await check_endings(installation, queue, [interaction.id for interaction in acknowledged])


async def test_command_survives_a_bot_kill_while_the_database_is_locked(
    installation: Installation,
) -> None:
    file = installation.folder / "data" / "atelier.sqlite3"
    async with installation.bot(EXTERNAL_ENGINE) as bot:
        with contextlib.closing(sqlite3.connect(file, isolation_level=None, timeout=20)) as other:
            other.execute("BEGIN IMMEDIATE")
            interaction = await installation.paint("ada", seed=1)
            assert interaction.acknowledged
            await bot.kill()
    async with installation.bot(EXTERNAL_ENGINE):
        assert await installation.discord.until(
            lambda: interaction.message and "Place 1" in interaction.message.text, 60
        )


async def check_endings(
    installation: Installation, queue: JobQueue, interaction_ids: list[int]
) -> None:
    """Check that each command became one job, which ended once, and that engines were killed."""
    kinds: Counter[str] = Counter()
    users = [installation.discord.user(name).id for name in MEMBERS]
    jobs = [job for user in users for job in await queue.jobs.of_user(user, limit=100)]
    assert sorted(job.interaction_id for job in jobs) == sorted(interaction_ids)
    for job in jobs:
        history = [event.kind for event in await queue.jobs.history(job.id)]
        assert [kind for kind in history if kind in ENDED] == [job.state]
        kinds.update(history)
    assert kinds["engine_died"] > 0, "some engines were killed at work"
    assert await queue.intakes.pending() == []
