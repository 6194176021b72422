"""An installation as its owner runs it: `python -m bot` with its engine, as real processes."""

import contextlib
import signal
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.bot_process import BotProcess, bot_environment, online, run_bot
from sandbox.loopback import LoopbackDiscord
from sandbox.model import Interaction, Message
from tests.kit.forked import ROOT, ForkedProcess, ForkServer
from tests.kit.pictures import photograph

RESULT_TIMEOUT_SECONDS = 240.0
EXTERNAL_ENGINE = {"ATELIER_ENGINE": "external"}
"""The bot starts no engine."""


@dataclass
class Installation:
    """A loopback Discord, and a data folder that outlives the processes."""

    discord: LoopbackDiscord
    folder: Path

    def environment(self, changes: Mapping[str, str] | None = None) -> dict[str, str]:
        """Environment variables of the bot and its engines."""
        overrides = {
            "ATELIER_DEVICE": "cpu",
            "ATELIER_NETWORK": "lite",
            "ATELIER_MAX_WAITING_PER_USER": "20",
        }
        defaults = bot_environment(self.discord.environment(), self.folder / "data")
        return defaults | overrides | dict(changes or {})

    @contextlib.asynccontextmanager
    async def bot(self, changes: Mapping[str, str] | None = None) -> AsyncIterator[BotProcess]:
        """Run the bot with its engine; wait until its commands are registered."""
        log = self.folder / f"bot-{len(list(self.folder.glob('bot-*.log')))}.log"
        async with run_bot(self.environment(changes), log) as process:
            await online(self.discord, process)
            yield process

    @contextlib.asynccontextmanager
    async def engine(self, fork_server: ForkServer) -> AsyncIterator[ForkedProcess]:
        """Run an engine of its own, and kill it at the end of the block."""
        environment = self.environment(EXTERNAL_ENGINE)
        process = fork_server.start(["engine"], cwd=ROOT, env=environment)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(30)

    async def paint(self, user: str, seed: int) -> Interaction:
        """Use /paint with two small pictures, and wait for the acknowledgement."""
        interaction = await self.request_painting(user, seed)
        assert interaction.acknowledged_after_seconds is not None
        return interaction

    async def request_painting(self, user: str, seed: int) -> Interaction:
        """Use /paint with two small pictures."""
        return await self.discord.slash(
            self.discord.user(user),
            "paint",
            {"size": 64, "quality": "draft", "seed": seed},
            attachments={
                "content": ("coffee.png", photograph("coffee.png")),
                "style": ("astronaut.png", photograph("astronaut.png")),
            },
        )

    async def result(self, interaction: Interaction) -> Message:
        """Wait for the finished picture."""
        done = await self.discord.until(
            lambda: is_settled(interaction.message), RESULT_TIMEOUT_SECONDS
        )
        assert interaction.message is not None
        assert done, interaction.message.text
        assert interaction.message.attachments, interaction.message.text
        return interaction.message


def is_settled(message: Message | None) -> bool:
    """Whether a message shows its last state: it can be painted again, or has failed."""
    return message is not None and any(b.get("label") == "Again" for b in message.buttons)
