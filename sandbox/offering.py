"""Which commands Discord's client offers a user, and which values it lets through."""

from typing import Any

from sandbox.model import Channel, ChannelType, Context, Json, User
from sandbox.payloads import channel_json, member_json, user_json
from sandbox.permissions import permissions_of
from sandbox.world import World


class NotOfferedError(Exception):
    """Discord's client would not let the user do this, so the bot never hears of it."""


def context_of(world: World, channel: Channel) -> tuple[Context, bool]:
    """Where an interaction in this channel is, and whether only the user installed the bot."""
    if channel.type is ChannelType.GUILD_TEXT:
        return Context.GUILD, not (world.guild.has_bot and channel.has_bot)
    if channel.type is ChannelType.DM and channel.has_bot:
        return Context.BOT_DM, False
    return Context.PRIVATE_CHANNEL, True


def offered_commands(world: World, user: User, channel: Channel) -> list[Json]:
    """The commands that the user sees in this place."""
    context, by_user_only = context_of(world, channel)
    found = []
    for command in world.commands:
        contexts = command.get("contexts")
        if contexts is not None and int(context) not in contexts:
            continue
        only_guild = command.get("guild_id") or command.get("dm_permission") is False
        if contexts is None and context is not Context.GUILD and only_guild:
            continue
        if by_user_only and 1 not in command["integration_types"]:
            continue
        needed = command.get("default_member_permissions")
        overridden = command["name"] in world.open_commands
        if needed is not None and context is Context.GUILD and not overridden:
            held = permissions_of(world.guild, user)
            wanted = int(needed)
            if held & wanted != wanted or (wanted == 0 and user.id != world.guild.owner_id):
                continue
        found.append(command)
    return found


def command_for(world: World, user: User, name: str, channel: Channel, *, kind: int = 1) -> Json:
    """A command by its name.

    Raises:
        NotOfferedError: The user would not find it here.
    """
    root = name.split(" ", maxsplit=1)[0] if kind == 1 else name
    for command in offered_commands(world, user, channel):
        if command["name"] == root and command.get("type", 1) == kind:
            return command
    raise NotOfferedError(f"{user.name} is not offered {name!r} here.")


def leaf_of(command: Json, name: str) -> tuple[list[tuple[int, str]], list[Json]]:
    """The path of subcommands in a full name, and the options at its end."""
    path: list[tuple[int, str]] = []
    options: list[Json] = command.get("options") or []
    for part in name.split(" ")[1:]:
        found = next((o for o in options if o["name"] == part and o["type"] in {1, 2}), None)
        if found is None:
            raise NotOfferedError(f"/{command['name']} has no subcommand {part!r}.")
        path.append((found["type"], part))
        options = found.get("options") or []
    if any(o["type"] in {1, 2} for o in options):
        raise NotOfferedError(f"/{name} needs a subcommand.")
    return path, options


def option_json(world: World, definition: Json, value: Any, resolved: Json) -> Json:
    """An option as the interaction carries it, checked the way Discord's client does."""
    name, kind = definition["name"], definition["type"]
    choices = definition.get("choices")
    if choices:
        named = {c["name"]: c["value"] for c in choices}
        value = named.get(value, value)
        if value not in named.values():
            raise NotOfferedError(f"{value!r} is not among the choices of {name}.")
    if kind == 3:
        value = _text(definition, str(value))
    elif kind in {4, 10}:
        value = _number(definition, value)
    elif kind == 5:
        value = bool(value)
    elif kind in {6, 7, 8, 9}:
        value = resolve_entity(world, kind, value, resolved)
    return {"name": name, "type": kind, "value": value}


def _text(definition: Json, value: str) -> str:
    low, high = definition.get("min_length", 0), definition.get("max_length", 6000)
    if not low <= len(value) <= high:
        raise NotOfferedError(f"{definition['name']} takes {low} to {high} characters.")
    return value


def _number(definition: Json, value: Any) -> int | float:
    number: int | float = int(value) if definition["type"] == 4 else float(value)
    low, high = definition.get("min_value"), definition.get("max_value")
    if (low is not None and number < low) or (high is not None and number > high):
        raise NotOfferedError(f"{definition['name']} takes {low} to {high}.")
    return number


def resolve_entity(world: World, kind: int, value: Any, resolved: Json) -> str:
    """The id of a user, channel or role, which is put among the resolved objects.

    Raises:
        NotOfferedError: There is none.
    """
    key = str(getattr(value, "id", value))
    number = int(key)
    if kind in {6, 9} and number in world.users:
        user = world.users[number]
        resolved.setdefault("users", {})[key] = user_json(user)
        if user.in_guild:
            member = member_json(world, user, with_user=False)
            resolved.setdefault("members", {})[key] = member
    elif kind == 7 and number in world.channels:
        resolved.setdefault("channels", {})[key] = channel_json(
            world, world.channels[number], viewer=world.bot
        )
    elif kind in {8, 9}:
        role = next((r for r in world.guild.roles if r.id == number), None)
        if role is None:
            raise NotOfferedError(f"There is no role {key}.")
        resolved.setdefault("roles", {})[key] = {
            "id": key,
            "name": role.name,
            "color": role.colour,
            "colors": {"primary_color": role.colour},
            "hoist": False,
            "position": 1,
            "permissions": str(role.permissions),
            "managed": False,
            "mentionable": False,
            "flags": 0,
        }
    else:
        raise NotOfferedError(f"There is nothing with the id {key}.")
    return key
