"""A bot with all its commands against a loopback Discord, and an engine that only pretends."""

import asyncio
import io
import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from PIL import Image

from bot.app.client import AtelierClient
from bot.app.features import build_client
from common.options import PaintInputs, PaintOptions, StyleInput
from common.settings import Settings
from jobs.model import (
    Asker,
    EngineInfo,
    Failure,
    FailureKind,
    Job,
    JobState,
    PaintReport,
    Progress,
    Reply,
    Submission,
)
from jobs.outcomes import Accepted
from jobs.queue import JobQueue
from sandbox.control import LoopbackDiscord
from sandbox.model import Interaction, Message, User

ENGINE = "test-engine"


def picture(size: tuple[int, int] = (64, 48), colour: str = "teal") -> bytes:
    """A PNG of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def reply_of(
    user: User, channel_id: int, interaction_id: int = 1, *, ephemeral: bool = False
) -> Reply:
    return Reply(
        application_id=1,
        interaction_id=interaction_id,
        interaction_token="",
        token_expires_at=datetime.now(UTC) - timedelta(minutes=1),
        channel_id=channel_id,
        locale=user.locale,
        ephemeral=ephemeral,
    )


@dataclass
class House:
    """One running bot and all around it."""

    discord: LoopbackDiscord
    settings: Settings
    client: AtelierClient = field(init=False)
    running: "asyncio.Task[None]" = field(init=False)
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1000))

    async def open(self) -> None:
        """Start a bot."""
        self.client = build_client(self.settings)
        self.running = asyncio.create_task(self.client.start(self.discord.token))
        await self.discord.ready()
        while not self.client.guilds:  # discord.py's own "ready" waits 2 s for more servers
            await asyncio.sleep(0.01)

    async def close(self) -> None:
        """Stop it."""
        await self.client.close()
        await asyncio.gather(self.running, return_exceptions=True)

    @property
    def queue(self) -> JobQueue:
        return self.client.queue

    @property
    def guild_id(self) -> int:
        return self.discord.world.guild.id

    def user(self, name: str = "ada", locale: str | None = None) -> User:
        user = self.discord.user(name)
        if locale is not None:
            user.locale = locale
        return user

    async def job(
        self,
        user: User,
        *,
        channel: str = "paintings",
        in_guild: bool = True,
        ephemeral: bool = False,
        colour: str = "teal",
        **options: Any,
    ) -> Job:
        """A job in the queue, as `/paint` would submit it."""
        key = await self.queue.store.put(picture(colour=colour), ".png")
        place = self.discord.channel(channel) if in_guild else self.discord.world.dm_of(user)
        guild_id = self.guild_id if in_guild else None
        outcome = await self.queue.submissions.submit(
            Submission(
                asker=Asker(user.id, user.name, guild_id=guild_id, channel_id=place.id),
                reply=reply_of(user, place.id, next(self.numbers), ephemeral=ephemeral),
                inputs=PaintInputs(content=key, styles=(StyleInput(picture=key),)),
                options=PaintOptions(size_px=128, **options),
            )
        )
        assert isinstance(outcome, Accepted), outcome
        return outcome.job

    async def engine(self) -> None:
        """Register the engine."""
        info = EngineInfo(id=ENGINE, host="test", device="cpu", network="lite", version="1", pid=1)
        await self.queue.engines.register(info)

    async def start(self, job: Job) -> None:
        """Have the next job, which must be this one, painted up to a quarter."""
        claim = await self.queue.claims.claim(ENGINE)
        assert claim is not None
        assert claim.job.id == job.id
        await self.queue.claims.report_progress(claim, Progress(1, 4, 0.25, seconds_left=30.0))

    async def paint(self, job: Job, *, size: tuple[int, int] = (128, 96)) -> Job:
        """Have the next job, which must be this one, painted."""
        claim = await self.queue.claims.claim(ENGINE)
        assert claim is not None
        assert claim.job.id == job.id
        preview = await self.queue.store.put(picture((40, 30), "olive"), ".png")
        await self.queue.claims.report_progress(claim, Progress(3, 4, 0.75, preview_key=preview))
        key = await self.queue.store.put(picture((128, 96), f"#{job.id % 256:02x}8080"), ".png")
        report = PaintReport("lite", "cpu", "fp32", *size, seconds=2.0, iterations=4, seed=0)
        await self.queue.claims.finish(claim, key, report)
        return await self.fresh(job)

    async def painted(self, user: User, **details: Any) -> Job:
        """A finished picture."""
        return await self.paint(await self.job(user, **details))

    async def fail(self, job: Job) -> None:
        """Have the next job fail."""
        claim = await self.queue.claims.claim(ENGINE)
        assert claim is not None
        assert claim.job.id == job.id
        failure = Failure(FailureKind.ENGINE, "The engine broke.", "abcd")
        await self.queue.claims.fail(claim, failure)

    async def fresh(self, job: Job) -> Job:
        found = await self.queue.jobs.get(job.id)
        assert found is not None
        return found

    async def state(self, job: Job) -> JobState:
        return (await self.fresh(job)).state

    async def slash(
        self, user: User, name: str, options: dict[str, Any] | None = None, **details: Any
    ) -> Message:
        """Use a command and return its answer, once it stands."""
        return await answer(await self.discord.slash(user, name, options, **details))

    async def press(self, user: User, message: Message, label: str) -> Interaction:
        """Press a button and wait until it has done its work."""
        before = message.revision
        interaction = await self.discord.press(user, message, label=label)
        await interaction.wait(
            lambda i: (
                message.revision > before
                or i.followups
                or i.modal
                or (i.message is not message and filled(i.message))
            )
        )
        return interaction

    def offer_everything(self) -> None:
        """Do what a server's owner can: let all members see the admins' commands."""
        for command in self.discord.commands:
            command["default_member_permissions"] = None


def filled(message: Message | None) -> bool:
    return message is not None and not message.loading and bool(message.text)


async def answer(interaction: Interaction) -> Message:
    """The answer to an interaction, once it says something."""
    await interaction.wait(lambda i: filled(i.message) or any(map(filled, i.followups)))
    if filled(interaction.message):
        assert interaction.message is not None
        return interaction.message
    return next(message for message in interaction.followups if filled(message))
