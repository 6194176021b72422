import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.loopback import LoopbackDiscord
from tests.kit.installation import Installation


@pytest.fixture
async def installation(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Installation]:
    """One whose database is made; the sandbox's demonstration and the bench begin without one."""
    (tmp_path / "data").mkdir()
    shutil.copy(sqlite_template, tmp_path / "data")
    async with LoopbackDiscord.start() as discord:
        yield Installation(discord, tmp_path)
        assert not discord.violations
