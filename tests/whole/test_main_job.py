"""`/paint` in, picture out, through the real bot and the real engine."""

import asyncio

import psutil
import pytest

from sandbox.model import Interaction
from tests.kit.installation import Installation, engines_of
from tests.kit.pictures import decoded

pytestmark = pytest.mark.slow


async def test_two_attached_pictures_become_a_painting(installation: Installation) -> None:
    async with installation.bot() as bot:
        interaction = await installation.paint("ada", seed=7)
        said: list[str] = []
        reading = asyncio.create_task(_read(interaction, said))
        message = await installation.result(interaction)
        reading.cancel()
        ada = installation.discord.user("ada")
        details = await installation.discord.press(ada, message, label="Details")
        await details.wait(lambda i: i.message and "lite" in i.message.text.lower())
        memory = psutil.Process(bot.pid).memory_info().rss
        engines = list(engines_of(bot))
        bot._process.kill()
        await bot._process.wait()
    # The engine begins beside the bot: a member who is quicker reads that, and nothing worse.
    assert any("The painter is starting" in words for words in said)
    assert not any("not running" in words for words in said)
    _, alive = await asyncio.to_thread(psutil.wait_procs, engines, 60)
    assert engines
    assert not alive  # an engine does not outlive its bot
    assert decoded(message.attachments[0].data).size == (64, 43)
    assert details.message is not None
    assert "7" in details.message.text
    assert memory < 150 * 2**20


async def _read(interaction: Interaction, said: list[str]) -> None:
    """All that stood in an answer, one after the other."""
    while True:
        words = "" if interaction.message is None else interaction.message.text
        if words not in said[-1:]:
            said.append(words)
        await asyncio.sleep(0.05)
