"""People of several rights."""

import pytest

from tests.bot.commands.rights.origins import MANAGE_MESSAGES, overwrite
from tests.kit.world import World


@pytest.fixture
async def world(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A server where grace moderates #paintings, and an operator, who is no admin, runs the bot.

    Mia manages it, but does not own it: she does not see each of its channels.
    """
    for place in ("bot.wire.acknowledging.READING_SECONDS", "bot.commands.show.CHECKING_SECONDS"):
        monkeypatch.setattr(place, 30.0)  # a busy machine is not what is tried here
    moderator = world.user("grace")
    (keeper,) = [role for role in world.discord.world.guild.roles if role.name == "Keeper"]
    world.discord.world.add_user("mia").role_ids.append(keeper.id)
    operator = world.discord.world.add_user("olga")
    object.__setattr__(world.bot.settings, "atelier_owner_ids", (operator.id,))
    world.discord.world.add_user("mallory")
    await overwrite(world, world.discord.channel("paintings"), moderator, allow=MANAGE_MESSAGES)
    return world
