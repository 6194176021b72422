from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.wire.addresses import point_discord_at
from common.settings import Settings
from sandbox.control import LoopbackDiscord
from tests.bot_commands.house import House


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A connected bot with its own database, store and Discord."""
    async with LoopbackDiscord.start() as discord:
        settings = Settings(
            _env_file=None,
            discord_token=SecretStr(discord.token),
            discord_api_url=discord.api_url,
            discord_gateway_url=discord.gateway_url,
            atelier_data_dir=tmp_path,
            atelier_max_per_day=1000,
            atelier_max_waiting_per_user=20,
        )
        point_discord_at(settings)
        house = House(discord, settings)
        try:
            await house.open()
            await house.engine()
            yield house
        finally:
            await house.close()
        assert not discord.violations
