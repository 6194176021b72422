import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from sandbox import LoopbackDiscord
from tests.kit.pictures import plain_picture
from tests.sandbox.browser import SHARED, launch_browser
from tests.sandbox.raw_bot import RawBot, registered_bot
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
    async with registered_bot(discord) as client:
        yield client


@pytest_asyncio.fixture(scope="session", loop_scope=SHARED)
async def browser() -> AsyncIterator[Browser]:
    """One browser for all tests of a process, each of which opens its own pages."""
    async with launch_browser() as browser:
        yield browser


@pytest.fixture
def picture() -> bytes:
    return plain_picture((8, 6))
