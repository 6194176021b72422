"""Users, the application, the guild, and the gateway's URL."""

from aiohttp import web

from sandbox import errors
from sandbox.addresses import gateway_address
from sandbox.payloads import channel_json, guild_json, member_json, user_json
from sandbox.rest.bodies import answer, read_object
from sandbox.rest.context import path_id, world_of
from sandbox.world import World


async def me(request: web.Request) -> web.Response:
    """`GET /users/@me`."""
    return answer({**user_json(world_of(request).bot), "verified": True, "mfa_enabled": True})


async def user(request: web.Request) -> web.Response:
    """`GET /users/{user}`."""
    found = world_of(request).users.get(path_id(request, "user"))
    if found is None:
        raise errors.unknown_user()
    return answer(user_json(found))


async def open_dm(request: web.Request) -> web.Response:
    """`POST /users/@me/channels`."""
    world = world_of(request)
    payload, _ = await read_object(request)
    found = world.users.get(int(payload.get("recipient_id", 0)))
    if found is None:
        raise errors.unknown_user()
    if found.bot:
        raise errors.cannot_message_user()
    return answer(channel_json(world, world.dm_of(found)))


async def application(request: web.Request) -> web.Response:
    """`GET /oauth2/applications/@me` and `GET /applications/@me`."""
    world = world_of(request)
    owner = world.users[world.guild.owner_id]
    return answer(
        {
            "id": str(world.application_id),
            "name": world.bot.name,
            "description": "",
            "icon": None,
            "bot_public": True,
            "bot_require_code_grant": False,
            "verify_key": "0" * 64,
            "flags": 0,
            "owner": user_json(owner),
            "team": None,
            "integration_types_config": {"0": {}, "1": {}},
            "approximate_guild_count": 1,
            "approximate_user_install_count": 1,
        }
    )


async def gateway(request: web.Request) -> web.Response:
    """`GET /gateway` and `GET /gateway/bot`."""
    world = world_of(request)
    limit = {"total": 1000, "remaining": 999, "reset_after": 0, "max_concurrency": 1}
    return answer({"url": gateway_address(world), "shards": 1, "session_start_limit": limit})


def _guild_world(request: web.Request) -> World:
    world = world_of(request)
    if path_id(request, "guild") != world.guild.id:
        raise errors.unknown_guild()
    if not world.guild.has_bot:
        raise errors.missing_access()
    return world


async def guild(request: web.Request) -> web.Response:
    """`GET /guilds/{guild}`."""
    payload = guild_json(_guild_world(request))
    only_gateway = ("channels", "members", "threads", "presences", "voice_states", "large")
    return answer({k: v for k, v in payload.items() if k not in only_gateway})


async def guild_channels(request: web.Request) -> web.Response:
    """`GET /guilds/{guild}/channels`."""
    return answer(guild_json(_guild_world(request))["channels"])


async def guild_roles(request: web.Request) -> web.Response:
    """`GET /guilds/{guild}/roles`."""
    return answer(guild_json(_guild_world(request))["roles"])


async def guild_member(request: web.Request) -> web.Response:
    """`GET /guilds/{guild}/members/{user}`."""
    world = _guild_world(request)
    found = world.users.get(path_id(request, "user"))
    if found is None or not found.in_guild:
        raise errors.unknown_member()
    member = member_json(world, found)
    del member["permissions"]
    return answer(member)
