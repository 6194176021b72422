import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.loopback import LoopbackDiscord
from tests.kit.installation import Installation


@pytest.fixture
async def installation(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Installation]:
    """An installation with a migrated database."""
    (tmp_path / "data").mkdir()
    shutil.copy(sqlite_template, tmp_path / "data")
    async with LoopbackDiscord.start() as discord:
        yield Installation(discord, tmp_path)
        assert not discord.violations
