"""`/paint` in, picture out, through the real bot and the real engine, whatever dies meanwhile."""

import io

import psutil
import pytest
from PIL import Image

from sandbox.control import LoopbackDiscord
from sandbox.model import Message
from tests.end_to_end.conftest import House, engines_of

pytestmark = pytest.mark.slow


def picture_of(message: Message) -> Image.Image:
    image = Image.open(io.BytesIO(LoopbackDiscord.attachment_bytes(message)))
    image.load()
    return image


async def test_two_attached_pictures_become_a_painting(house: House) -> None:
    async with house.bot() as bot:
        message = await house.result(await house.paint("ada", seed=7))
        memory = psutil.Process(bot._process.pid).memory_info().rss
    assert picture_of(message).size == (64, 43)
    assert "7" in message.text
    assert "lite" in message.text
    assert memory < 150 * 2**20


async def test_neither_a_killed_engine_nor_a_killed_bot_loses_or_doubles_a_picture(
    house: House,
) -> None:
    posted = []
    async with house.bot() as bot:
        for seed in range(3):
            posted += [await house.paint(user, seed) for user in ("ada", "grace")]
        for _ in range(2):
            await house.discord.until(lambda: any(engines_of(bot)), 60)
            for engine in engines_of(bot):
                engine.kill()
            await house.discord.until(lambda: False, 6)
        orphans = list(engines_of(bot))
        bot._process.kill()
        await bot._process.wait()
    _, alive = psutil.wait_procs(orphans, timeout=60)
    assert not alive  # an engine does not outlive its bot
    async with house.bot():
        messages = [await house.result(interaction) for interaction in posted]
    assert [picture_of(message).size for message in messages] == [(64, 43)] * 6
    assert len({message.id for message in house.discord.messages()}) == len(posted)
    assert not house.discord.dms(house.discord.user("ada"))
