"""What every route needs of the request: world, traffic line, IDs in the path."""

from aiohttp import web

from sandbox.errors import (
    missing_access,
    not_found,
    thread_archived,
    unknown_channel,
    unknown_message,
)
from sandbox.model import Channel, ChannelType, Message
from sandbox.world import TrafficLine, World

WORLD: web.AppKey[World] = web.AppKey("world", World)
LINE: web.RequestKey[TrafficLine] = web.RequestKey("line", TrafficLine)


def world_of(request: web.Request) -> World:
    """The world that the request is about."""
    return request.app[WORLD]


def line_of(request: web.Request) -> TrafficLine | None:
    """The request's line in the traffic."""
    return request.get(LINE)


def path_id(request: web.Request, name: str) -> int:
    """A snowflake in the path; anything else is a 404."""
    text = request.match_info[name]
    if not text.isdigit():
        raise not_found()
    return int(text)


def channel_for_bot(request: web.Request) -> Channel:
    """The channel in the path, if the bot may use it with its own token."""
    world = world_of(request)
    channel = world.channels.get(path_id(request, "channel"))
    if channel is None:
        raise unknown_channel()
    in_guild = channel.type is ChannelType.GUILD_TEXT
    if not channel.has_bot or (in_guild and not world.guild.has_bot):
        raise missing_access()
    return channel


def check_open(world: World, channel_id: int) -> None:
    """Check that messages of a channel can be edited and deleted: it is no archived thread."""
    channel = world.channels.get(channel_id)
    if channel is not None and channel.archived:
        raise thread_archived()


def message_for_bot(request: web.Request, channel: Channel) -> Message:
    """The message in the path. The bot's token never reaches an ephemeral one."""
    message = world_of(request).messages.get(path_id(request, "message"))
    if message is None or message.deleted or message.ephemeral or message.channel_id != channel.id:
        raise unknown_message()
    return message
