"""Settings by role apply though the bot does not know the roles.

As in a server that installed only the commands, and right after a start, before Discord has sent
the servers.
"""

import pytest

from common.defaults import Defaults
from tests.kit.world import World

UNKNOWN_ROLE = 77


@pytest.fixture
async def world(world: World) -> World:
    """A bot that has not received the server; Ada has a role unknown to it."""
    world.user("ada").role_ids.append(UNKNOWN_ROLE)
    world.bot._connection._guilds.clear()
    return world


@pytest.mark.parametrize("everybody", [False, True])
async def test_member_with_an_unknown_painter_role_may_paint(world: World, everybody: bool) -> None:
    role = world.guild_id if everybody else UNKNOWN_ROLE
    await world.queue.limits.set(world.guild_id, {"painter_role_ids": [role]}, 1)
    await world.wait_for_text(await world.paint(), "Place 1")
    if not everybody:
        assert "needs the role" in await world.answer_text(await world.paint(user="grace"))


async def test_pictures_of_an_unknown_spoiler_role_are_hidden(world: World) -> None:
    hidden = Defaults(spoiler_role_ids=(UNKNOWN_ROLE,))
    guild_id = world.guild_id
    await world.queue.defaults.set("guild", guild_id, hidden, guild_id=guild_id, by_user=1)
    await world.wait_for_text(await world.paint(), "Place 1")
    await world.wait_for_text(await world.paint(user="grace"), "Place 2")
    (mine,) = await world.jobs("ada")
    (others,) = await world.jobs("grace")
    assert (mine.reply.spoiler, others.reply.spoiler) == (True, False)
