import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.loopback import LoopbackDiscord
from tests.kit.encoders import encode_in_process
from tests.kit.world import World, settings_for


@pytest.fixture(scope="session", autouse=True)
def _once(shared_bot_parts: None) -> None:
    """All tests here start a bot."""


@pytest.fixture
async def closed_world(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[World]:
    """Everything ready to be started, its database made."""
    shutil.copy(sqlite_template, tmp_path / sqlite_template.name)
    with encode_in_process():
        async with LoopbackDiscord.start() as discord:
            world = World(discord, settings_for(discord, tmp_path))
            try:
                yield world
            finally:
                await world.stop_bot()
                await world.stop_engine()
            assert not discord.violations


@pytest.fixture
async def world(closed_world: World) -> World:
    """A connected bot; no engine is there yet."""
    await closed_world.start_bot()
    return closed_world
