"""Channels and messages by the bot's own token.

https://docs.discord.com/developers/resources/message
"""

from aiohttp import web

from sandbox import permissions
from sandbox.compose import create_message, delete_message, edit_message
from sandbox.errors import (
    cannot_message_user,
    may_not_reply,
    missing_permissions,
    not_found,
    not_the_author,
    thread_archived,
)
from sandbox.model import Channel, ChannelType, Json, Message
from sandbox.payloads import channel_json, for_bot, message_json
from sandbox.rest.bodies import answer, no_content, read_object
from sandbox.rest.checks import check_message
from sandbox.rest.context import channel_for_bot, check_open, message_for_bot, world_of
from sandbox.world import World

NONCE_MEMORY_SECONDS = 300


async def get_channel(request: web.Request) -> web.Response:
    """`GET /channels/{channel}`."""
    return answer(channel_json(world_of(request), channel_for_bot(request)))


async def patch_channel(request: web.Request) -> web.Response:
    """`PATCH /channels/{channel}`, to archive a thread or to open it again.

    The bot does not manage threads, so a locked one stays as it is.
    """
    world, channel = world_of(request), channel_for_bot(request)
    payload, _files = await read_object(request)
    if channel.parent_id is None or set(payload) != {"archived"}:
        raise not_found()
    if channel.locked or payload["archived"] is not False:
        raise missing_permissions()
    channel.archived = False
    world.emit("channels", {})
    return answer(channel_json(world, channel))


async def list_messages(request: web.Request) -> web.Response:
    """`GET /channels/{channel}/messages`, newest first."""
    world = world_of(request)
    channel = channel_for_bot(request)
    found = [m for m in world.messages_in(channel) if not m.ephemeral]
    if not _reads_history(world, channel):
        found = []
    before, after = request.query.get("before"), request.query.get("after")
    if before:
        found = [m for m in found if m.id < int(before)]
    if after:
        found = [m for m in found if m.id > int(after)]
    limit = min(100, int(request.query.get("limit", "50")))
    return answer([_seen(world, m) for m in reversed(found[-limit:])])


async def get_message(request: web.Request) -> web.Response:
    """`GET /channels/{channel}/messages/{message}`."""
    world, channel = world_of(request), channel_for_bot(request)
    if not _reads_history(world, channel):
        raise missing_permissions()
    return answer(_seen(world, message_for_bot(request, channel)))


def _reads_history(world: World, channel: Channel) -> bool:
    held = permissions.app_permissions(world.guild, world.bot, channel)
    return bool(held & permissions.READ_MESSAGE_HISTORY)


def _seen(world: World, message: Message) -> Json:
    return for_bot(world, message, message_json(world, message))


async def post_message(request: web.Request) -> web.Response:
    """`POST /channels/{channel}/messages`."""
    world = world_of(request)
    channel = channel_for_bot(request)
    payload, files = await read_object(request)
    held = permissions.app_permissions(world.guild, world.bot, channel)
    writing = permissions.SEND_MESSAGES
    if channel.parent_id is not None:  # a thread, in which the other one counts for nothing
        writing = permissions.SEND_MESSAGES_IN_THREADS
    if not held & writing or (files and not held & permissions.ATTACH_FILES):
        raise missing_permissions()
    if payload.get("message_reference") and not held & permissions.READ_MESSAGE_HISTORY:
        raise may_not_reply()
    if channel.type is ChannelType.DM and not all(
        world.users[i].accepts_dms for i in channel.member_ids
    ):
        raise cannot_message_user()
    if channel.archived and channel.locked:
        raise thread_archived()
    channel.archived = False
    check_message(request, payload, files)
    repeated = _same_nonce(request, channel.id, payload)
    if repeated is not None:
        return answer(message_json(world, repeated))
    return answer(message_json(world, create_message(world, channel, world.bot, payload, files)))


def _same_nonce(
    request: web.Request, channel_id: int, payload: dict[str, object]
) -> Message | None:
    """The message that an earlier request with the same nonce created, given `enforce_nonce`."""
    world = world_of(request)
    nonce = payload.get("nonce")
    if nonce is None or not payload.get("enforce_nonce"):
        return None
    since = world.clock.now() - NONCE_MEMORY_SECONDS
    return next(
        (
            m
            for m in world.messages.values()
            if m.channel_id == channel_id
            and m.author_id == world.bot.id
            and m.nonce == str(nonce)
            and m.created_at >= since
        ),
        None,
    )


async def patch_message(request: web.Request) -> web.Response:
    """`PATCH /channels/{channel}/messages/{message}`."""
    world = world_of(request)
    message = message_for_bot(request, channel_for_bot(request))
    payload, files = await read_object(request)
    if message.author_id != world.bot.id:
        raise not_the_author()
    check_open(world, message.channel_id)
    check_message(request, payload, files, existing=message)
    return answer(message_json(world, edit_message(world, message, payload, files)))


async def remove_message(request: web.Request) -> web.Response:
    """`DELETE /channels/{channel}/messages/{message}`."""
    world = world_of(request)
    channel = channel_for_bot(request)
    message = message_for_bot(request, channel)
    manages = permissions.permissions_of(world.guild, world.bot) & permissions.MANAGE_MESSAGES
    if message.author_id != world.bot.id and not (channel.guild_id and manages):
        raise missing_permissions()
    check_open(world, message.channel_id)
    delete_message(world, message)
    return no_content()


async def typing(request: web.Request) -> web.Response:
    """`POST /channels/{channel}/typing`."""
    channel = channel_for_bot(request)
    world_of(request).emit("typing", {"channel": channel.id})
    return no_content()
