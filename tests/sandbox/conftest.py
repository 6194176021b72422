import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp
import pytest

from sandbox import LoopbackDiscord
from tests.kit.pictures import plain_picture
from tests.sandbox.raw_bot import RawBot
from tests.sandbox.tiny_bot import TinyBot


@pytest.fixture
async def discord() -> AsyncIterator[LoopbackDiscord]:
    async with LoopbackDiscord.start() as server:
        yield server


@pytest.fixture
async def bot(discord: LoopbackDiscord) -> AsyncIterator[TinyBot]:
    client = TinyBot(discord.api_url, discord.gateway_url)
    running = asyncio.create_task(client.start(discord.token))
    await discord.ready()
    yield client
    await client.close()
    with contextlib.suppress(asyncio.CancelledError):
        await running


@pytest.fixture
async def raw(discord: LoopbackDiscord) -> AsyncIterator[RawBot]:
    async with aiohttp.ClientSession() as session:
        client = RawBot(discord, session)
        await client.register()
        yield client


@pytest.fixture
def picture() -> bytes:
    return plain_picture((8, 6))
