import pytest

from tests.kit.world import World


@pytest.fixture
async def world(world: World) -> World:
    """A connected bot that knows its server, and a pretend engine that the test steps."""
    await world.eventually(lambda: world.bot.guilds)
    await world.manual_engine.register()
    return world
