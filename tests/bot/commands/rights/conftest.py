"""Members with different permissions."""

import pytest

from tests.bot.commands.rights.origins import MANAGE_MESSAGES, set_overwrite
from tests.kit.world import World


@pytest.fixture
async def world(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A server where grace moderates #paintings, and olga, who is no admin, owns the bot.

    Mia manages the server but does not own it, so some channels are hidden from her.
    """
    for place in ("bot.wire.acknowledging.READING_SECONDS", "bot.commands.show.CHECKING_SECONDS"):
        monkeypatch.setattr(place, 30.0)  # no timeouts on a busy machine
    moderator = world.user("grace")
    (keeper,) = [role for role in world.discord.world.guild.roles if role.name == "Keeper"]
    world.discord.world.add_user("mia").role_ids.append(keeper.id)
    operator = world.discord.world.add_user("olga")
    object.__setattr__(world.bot.settings, "atelier_owner_ids", (operator.id,))
    world.discord.world.add_user("mallory")
    await set_overwrite(world, world.discord.channel("paintings"), moderator, allow=MANAGE_MESSAGES)
    return world
