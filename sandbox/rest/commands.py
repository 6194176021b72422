"""Registering application commands.

https://docs.discord.com/developers/interactions/application-commands
"""

import hashlib

from aiohttp import web

from sandbox.errors import invalid_form, missing_access, unknown_command, unknown_guild
from sandbox.model import Json
from sandbox.rest.bodies import answer, no_content, read_body, read_object
from sandbox.rest.checks import check
from sandbox.rest.context import line_of, path_id, world_of
from sandbox.rules import FormBody, judge
from sandbox.world import World

# The application can be installed to servers and by users; commands that name no installation
# context have both.
INSTALLATIONS = (0, 1)

_found_right: set[bytes] = set()
"""Hashes of lists of commands that kept every rule: a bot sends the same list at each start."""


def _place(request: web.Request) -> tuple[World, int | None]:
    world = world_of(request)
    if path_id(request, "application") != world.application_id:
        raise missing_access()
    if "guild" not in request.match_info:
        return world, None
    guild_id = path_id(request, "guild")
    if guild_id != world.guild.id:
        raise unknown_guild()
    return world, guild_id


def _here(world: World, guild_id: int | None) -> list[Json]:
    wanted = None if guild_id is None else str(guild_id)
    return [c for c in world.commands if c.get("guild_id") == wanted]


def complete(world: World, command: Json, guild_id: int | None, old: Json | None) -> Json:
    """A registered command with the fields that Discord adds."""
    full: Json = {
        "type": 1,
        "description": "",
        "default_member_permissions": None,
        "nsfw": False,
        "contexts": None,
        **command,
        "integration_types": command.get("integration_types") or list(INSTALLATIONS),
        "id": old["id"] if old else str(world.ids.next()),
        "application_id": str(world.application_id),
        "version": str(world.ids.next()),
    }
    permissions = full["default_member_permissions"]
    if permissions is not None:
        full["default_member_permissions"] = str(permissions)
    if guild_id is not None:
        full["guild_id"] = str(guild_id)
    return full


async def list_commands(request: web.Request) -> web.Response:
    """`GET …/commands`."""
    world, guild_id = _place(request)
    return answer(_here(world, guild_id))


async def put_commands(request: web.Request) -> web.Response:
    """`PUT …/commands`: replace all."""
    world, guild_id = _place(request)
    body = await read_body(request)
    if not isinstance(body.payload, list) or not all(isinstance(c, dict) for c in body.payload):
        raise invalid_form({})
    digest = hashlib.sha256(await request.read()).digest()
    if digest not in _found_right:
        before = len(world.violations)
        form, line = FormBody(world, body.payload), line_of(request)
        check("command", line, *(form.at(each, index) for index, each in enumerate(body.payload)))
        judge("commands", form, line)
        if len(world.violations) == before:
            _found_right.add(digest)
    old = {(c["name"], c["type"]): c for c in _here(world, guild_id)}
    kept = [c for c in world.commands if c not in old.values()]
    fresh = [
        complete(world, c, guild_id, old.get((c["name"], c.get("type", 1)))) for c in body.payload
    ]
    world.commands = [*kept, *fresh]
    world.emit("commands", {})
    return answer(fresh)


async def post_command(request: web.Request) -> web.Response:
    """`POST …/commands`: add or replace one."""
    world, guild_id = _place(request)
    payload, _ = await read_object(request)
    check("command", line_of(request), FormBody(world, payload))
    key = (payload["name"], payload.get("type", 1))
    old = next((c for c in _here(world, guild_id) if (c["name"], c["type"]) == key), None)
    full = complete(world, payload, guild_id, old)
    world.commands = [*(c for c in world.commands if c is not old), full]
    world.emit("commands", {})
    return answer(full, 200 if old else 201)


def _by_id(request: web.Request) -> tuple[World, int | None, Json]:
    world, guild_id = _place(request)
    wanted = str(path_id(request, "command"))
    found = next((c for c in _here(world, guild_id) if c["id"] == wanted), None)
    if found is None:
        raise unknown_command()
    return world, guild_id, found


async def get_command(request: web.Request) -> web.Response:
    """`GET …/commands/{command}`."""
    return answer(_by_id(request)[2])


async def patch_command(request: web.Request) -> web.Response:
    """`PATCH …/commands/{command}`."""
    payload, _ = await read_object(request)
    world, guild_id, old = _by_id(request)
    changed = {**old, **payload}
    check("command", line_of(request), FormBody(world, changed))
    full = complete(world, changed, guild_id, old)
    world.commands = [full if c is old else c for c in world.commands]
    world.emit("commands", {})
    return answer(full)


async def delete_command(request: web.Request) -> web.Response:
    """`DELETE …/commands/{command}`."""
    world, _, old = _by_id(request)
    world.commands = [c for c in world.commands if c is not old]
    world.emit("commands", {})
    return no_content()
