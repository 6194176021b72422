"""The text chat of a voice or stage channel is visible only to members who may join it."""

import pytest

from bot.ui.people import is_seen_by_all
from tests.kit.world import World

CONNECT = 1 << 20
VOICE, STAGE = 2, 13
GUILDS = 1


@pytest.mark.parametrize("kind", [VOICE, STAGE])
@pytest.mark.parametrize("may_join", [True, False])
async def test_voice_channel_picture_is_visible_only_to_members_allowed_to_join(
    world: World, kind: int, *, may_join: bool
) -> None:
    channel = world.discord.world.add_channel("lounge")
    rule = (
        {"allow": str(CONNECT), "deny": "0"} if may_join else {"allow": "0", "deny": str(CONNECT)}
    )
    data = {
        "id": str(channel.id),
        "type": kind,
        "guild_id": str(world.guild_id),
        "name": channel.name,
        "position": 0,
        "bitrate": 64000,
        "user_limit": 0,
        "permission_overwrites": [{"id": str(world.guild_id), "type": 0, **rule}],
    }
    await world.discord.gateway.dispatch("CHANNEL_CREATE", data, intent=GUILDS)
    await world.eventually(lambda: world.bot.get_channel(channel.id))
    job = await world.make_painted_job(world.user(), channel="lounge")
    shown = await world.slash(world.user("mallory"), "show", {"picture": job.id}, channel="talk")
    assert bool(shown.attachments) == may_join
    assert is_seen_by_all(world.bot, channel.id) == may_join
