from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from common.settings import Settings
from sandbox.control import LoopbackDiscord
from tests.bot.studio import Studio


@pytest.fixture
async def closed_studio(tmp_path: Path) -> AsyncIterator[Studio]:
    """Everything ready to be started."""
    async with LoopbackDiscord.start() as discord:
        settings = Settings(
            _env_file=None,
            discord_token=SecretStr(discord.token),
            discord_api_url=discord.api_url,
            discord_gateway_url=discord.gateway_url,
            atelier_data_dir=tmp_path,
            atelier_engine="external",
            atelier_max_waiting_per_user=100,
            atelier_max_per_day=1000,
        )
        studio = Studio(discord, settings)
        try:
            yield studio
        finally:
            await studio.stop_bot()
            await studio.stop_painter()
        assert not discord.violations


@pytest.fixture
async def studio(closed_studio: Studio) -> Studio:
    """A connected bot; the painter is not there yet."""
    await closed_studio.start_bot()
    return closed_studio
