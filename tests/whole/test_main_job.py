"""`/paint` with the real bot and the real engine."""

import asyncio

import psutil
import pytest

from sandbox.model import Interaction
from tests.kit.installation import Installation
from tests.kit.pictures import decoded

pytestmark = pytest.mark.slow


async def test_two_attached_pictures_become_a_painting(installation: Installation) -> None:
    async with installation.bot() as bot:
        interaction = await installation.paint("ada", seed=7)
        texts: list[str] = []
        recording = asyncio.create_task(record_texts(interaction, texts))
        message = await installation.result(interaction)
        recording.cancel()
        ada = installation.discord.user("ada")
        details = await installation.discord.press(ada, message, label="Details")
        await details.wait(lambda i: i.message and "lite" in i.message.text.lower())
        memory = psutil.Process(bot.pid).memory_info().rss
        engines = [
            child
            for child in psutil.Process(bot.pid).children(recursive=True)
            if "engine" in child.cmdline()
        ]
        await bot.kill()
    # The engine starts with the bot: until it is ready, cards say that it is starting.
    assert any("The painter is starting" in words for words in texts)
    assert not any("not running" in words for words in texts)
    _, alive = await asyncio.to_thread(psutil.wait_procs, engines, 60)
    assert engines
    assert not alive  # the embedded engine ends with its bot
    assert decoded(message.attachments[0].data).size == (64, 43)
    assert details.message is not None
    assert "7" in details.message.text
    assert memory < 150 * 2**20


async def record_texts(interaction: Interaction, texts: list[str]) -> None:
    """Record all texts of a response."""
    while True:
        words = "" if interaction.message is None else interaction.message.text
        if words not in texts[-1:]:
            texts.append(words)
        await asyncio.sleep(0.05)
