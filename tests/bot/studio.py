"""A bot, a painter and a loopback Discord, each of which can be stopped and started again."""

import asyncio
import contextlib
import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from bot.app.client import AtelierClient
from bot.app.features import build_client
from bot.wire.addresses import point_discord_at
from common.settings import Settings
from jobs.model import Job
from sandbox.control import LoopbackDiscord
from sandbox.model import Interaction, Message, User
from tests.bot.painter import Painter, encoded

TIMEOUT_SECONDS = 30.0


def photo(size: tuple[int, int] = (96, 64), kind: str = "PNG") -> bytes:
    """A small picture with something on it."""
    return encoded(Image.linear_gradient("L").resize(size).convert("RGB"), kind)


PHOTO = {"content": ("photo.png", photo())}
BOTH = {"content": ("photo.png", photo()), "style": ("style.png", photo((64, 64)))}


@dataclass
class Studio:
    """All that a test needs."""

    discord: LoopbackDiscord
    settings: Settings
    client: AtelierClient | None = None
    painter: Painter | None = None
    ahead_seconds: float = 0.0
    tasks: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)

    async def start_bot(self) -> AtelierClient:
        point_discord_at(self.settings)
        self.client = build_client(self.settings)
        self.client.clock = lambda: time.time() + self.ahead_seconds
        self.tasks["bot"] = asyncio.create_task(self.client.start(self.discord.token))
        await self.discord.ready()
        return self.client

    async def stop_bot(self) -> None:
        if self.client is not None:
            await self.client.wind_down()
            await self._end("bot")
            await self.client.close()
            self.client = None

    async def start_painter(self) -> Painter:
        self.painter = await Painter.open(self.settings)
        self.tasks["painter"] = asyncio.create_task(self.painter.run())
        return self.painter

    async def stop_painter(self) -> None:
        if self.painter is not None:
            await self._end("painter")
            await self.painter.queue.close()
            self.painter = None

    async def _end(self, name: str) -> None:
        task = self.tasks.pop(name)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    @property
    def bot(self) -> AtelierClient:
        assert self.client is not None
        return self.client

    def user(self, name: str = "ada") -> User:
        return self.discord.user(name)

    def shift_clock(self, seconds: float) -> None:
        """Let time pass, for Discord and for the bot."""
        self.discord.shift_clock(seconds)
        self.ahead_seconds += seconds

    async def paint(
        self,
        options: dict[str, Any] | None = None,
        attachments: dict[str, tuple[str, bytes]] | None = None,
        user: str = "ada",
        **details: Any,
    ) -> Interaction:
        """Use /paint with two small pictures, unless told otherwise."""
        return await self.discord.slash(
            self.user(user),
            "paint",
            {"size": 64, **(options or {})},
            BOTH if attachments is None else attachments,
            **details,
        )

    async def painted(self, options: dict[str, Any] | None = None, **details: Any) -> Message:
        """The message of a finished picture."""
        interaction = await self.paint(options, **details)
        return await self.finished(interaction)

    async def finished(self, interaction: Interaction) -> Message:
        await self.says(interaction, "seed")
        await interaction.wait(is_finished, TIMEOUT_SECONDS)
        assert interaction.message is not None
        return interaction.message

    async def says(self, interaction: Interaction, words: str) -> Message:
        """The answer, once it holds these words."""
        await interaction.wait(
            lambda i: i.message is not None and words in i.message.text, TIMEOUT_SECONDS
        )
        assert interaction.message is not None
        return interaction.message

    async def answer(self, interaction: Interaction) -> str:
        """What an answer or a follow-up says first."""
        await interaction.wait(words_of, TIMEOUT_SECONDS)
        return words_of(interaction)

    async def no_intakes(self) -> None:
        """Wait until nothing is left between a command and its job."""
        await self.eventually(self._nothing_pending)

    async def _nothing_pending(self) -> bool:
        return not await self.bot.queue.intakes.pending()

    async def eventually(self, condition: Callable[[], object]) -> None:
        """Wait until something holds that neither Discord nor the bot announces."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while True:
                said = condition()
                if await said if inspect.isawaitable(said) else said:
                    return
                await asyncio.sleep(0.05)

    async def jobs(self, user: str = "ada") -> list[Job]:
        return await self.bot.queue.jobs.of_user(self.user(user).id)


def is_finished(interaction: Interaction) -> bool:
    return interaction.message is not None and has_result(interaction.message)


def has_result(message: Message) -> bool:
    labels = [button.get("label") for button in message.buttons]
    return "Again" in labels and bool(message.attachments)


def words_of(interaction: Interaction) -> str:
    messages = [interaction.message, *interaction.followups]
    return "\n".join(m.text for m in messages if m is not None and m.text and not m.loading)
