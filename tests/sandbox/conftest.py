import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from sandbox import LoopbackDiscord
from tests.kit.pictures import plain_picture
from tests.sandbox.browser import SHARED, launched
from tests.sandbox.raw_bot import RawBot, registered
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
    async with registered(discord) as client:
        yield client


@pytest_asyncio.fixture(scope="session", loop_scope=SHARED)
async def browser() -> AsyncIterator[Browser]:
    """One for all tests of a process, each of which opens pages of its own."""
    async with launched() as browser:
        yield browser


@pytest.fixture
def picture() -> bytes:
    return plain_picture((8, 6))
