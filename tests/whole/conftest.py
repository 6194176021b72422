from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.control import LoopbackDiscord
from tests.kit.installation import Installation


@pytest.fixture
async def installation(tmp_path: Path) -> AsyncIterator[Installation]:
    async with LoopbackDiscord.start() as discord:
        yield Installation(discord, tmp_path)
        assert not discord.violations
