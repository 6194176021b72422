import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.app import running_commands
from bot.delivery import loop, undelivered
from bot.wire import original_response
from common.backoff import Backoff
from sandbox.loopback import LoopbackDiscord
from tests.kit.encoders import encode_in_process
from tests.kit.world import World, settings_for


@pytest.fixture(scope="session", autouse=True)
def use_shared_bot_parts(shared_bot_parts: None) -> None:
    """Make once what every bot of these tests needs."""


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the pauses between two looks and between two edits, which spare Discord.

    A bot that stops waits for commands only briefly, as a test may let them hang.
    """
    monkeypatch.setattr(running_commands, "FINISH_SECONDS", 0.5)
    monkeypatch.setattr(loop, "ROUND_SECONDS", 0.03)
    for name in ("EDIT_SECONDS", "PLACE_EDIT_SECONDS", "PLACES_SECONDS"):
        monkeypatch.setattr(loop, name, 0.5)
    monkeypatch.setattr(undelivered, "LOOK_SECONDS", 0.1)


@pytest.fixture
def immediate_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeat at once what failed for the moment."""
    monkeypatch.setattr(original_response, "BACKOFF", Backoff(0.05, 0.05))


@pytest.fixture
async def closed_world(
    tmp_path: Path, sqlite_template: Path, short_pauses: None
) -> AsyncIterator[World]:
    """A loopback Discord and a migrated database; bot and engine are not started."""
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
    """A connected bot without an engine."""
    await closed_world.start_bot()
    return closed_world
