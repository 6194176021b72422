"""Which commands Discord's client offers a user, and the context of an interaction."""

from sandbox.model import Channel, ChannelType, Context, Json, User
from sandbox.permissions import permissions_of
from sandbox.world import World


class NotOfferedError(Exception):
    """Discord's client would not allow this, so the bot receives nothing."""


def context_of(world: World, channel: Channel) -> tuple[Context, bool]:
    """The context of an interaction in this channel, and whether it is user-installed only."""
    if channel.type is ChannelType.GUILD_TEXT:
        return Context.GUILD, not (world.guild.has_commands and channel.has_bot)
    if channel.type is ChannelType.DM and channel.has_bot:
        return Context.BOT_DM, False
    return Context.PRIVATE_CHANNEL, True


def offered_commands(world: World, user: User, channel: Channel) -> list[Json]:
    """The commands that the user sees in this channel."""
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
        if context is Context.GUILD and not _permitted(world, user, command):
            continue
        found.append(command)
    return found


def _permitted(world: World, user: User, command: Json) -> bool:
    """Whether the user has the command's default permissions, or an override allows everybody."""
    needed = command.get("default_member_permissions")
    if needed is None or command["name"] in world.open_commands:
        return True
    wanted = int(needed)
    if wanted == 0:
        return user.id == world.guild.owner_id
    return permissions_of(world.guild, user) & wanted == wanted


def command_for(world: World, user: User, name: str, channel: Channel, *, kind: int = 1) -> Json:
    """Find a command by name.

    Raises:
        NotOfferedError: The user does not see it here.
    """
    root = name.split(" ", maxsplit=1)[0] if kind == 1 else name
    for command in offered_commands(world, user, channel):
        if command["name"] == root and command.get("type", 1) == kind:
            return command
    raise NotOfferedError(f"{user.name} is not offered {name!r} here.")


def leaf_of(command: Json, name: str) -> tuple[list[tuple[int, str]], list[Json]]:
    """The subcommand path of a full name, and the options at its end."""
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
