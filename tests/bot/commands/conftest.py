import pytest

from tests.kit.world import World


@pytest.fixture
async def world(world: World) -> World:
    """A connected bot that sees its server, and an engine that does what it is told."""
    await world.eventually(lambda: world.bot.guilds)
    await world.manual_engine.register()
    return world
