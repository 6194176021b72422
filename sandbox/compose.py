"""Creates and edits messages from the bot's payloads."""

import mimetypes
import re
from io import BytesIO
from itertools import count
from typing import Any

from PIL import Image, UnidentifiedImageError

from sandbox.model import (
    Channel,
    Files,
    Interaction,
    Json,
    Message,
    MessageFlag,
    StoredFile,
    User,
    walk_components,
)
from sandbox.payloads import copied, message_json
from sandbox.world import World

KEPT_FLAGS = (
    MessageFlag.EPHEMERAL
    | MessageFlag.SUPPRESS_EMBEDS
    | MessageFlag.SUPPRESS_NOTIFICATIONS
    | MessageFlag.IS_COMPONENTS_V2
)
_MENTION = re.compile(r"<@!?(\d+)>")


def store_file(
    world: World,
    filename: str,
    data: bytes,
    *,
    folder_id: int,
    ephemeral: bool,
    description: str | None = None,
) -> StoredFile:
    """Store an uploaded file at the CDN; pictures get their size."""
    width = height = None
    content_type = mimetypes.guess_type(filename)[0]
    try:
        with Image.open(BytesIO(data)) as picture:
            width, height = picture.size
            content_type = Image.MIME.get(picture.format or "", content_type)
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        pass
    stored = StoredFile(
        world.ids.next(),
        filename,
        data,
        content_type,
        width,
        height,
        folder_id,
        ephemeral=ephemeral,
        description=description,
        spoiler=filename.startswith("SPOILER_"),
    )
    world.files[stored.id] = stored
    return stored


def _attach(world: World, message: Message, payload: Json, files: Files) -> None:
    """Keep the listed old attachments, then add the request's files.

    https://docs.discord.com/developers/reference#editing-message-attachments
    """
    keeps_all = payload.get("attachments") is None
    listed = {int(item["id"]): item for item in payload.get("attachments") or []}
    kept = [stored for stored in message.attachments if keeps_all or stored.id in listed]
    for stored in kept:
        stored.description = listed.get(stored.id, {}).get("description", stored.description)
    for index, (filename, data) in sorted(files.items()):
        if keeps_all or index in listed:
            said = listed.get(index, {})
            stored = store_file(
                world,
                said.get("filename") or filename,
                data,
                folder_id=message.channel_id,
                ephemeral=message.ephemeral,
                description=said.get("description"),
            )
            kept.append(stored)
    message.attachments = kept


def _number_components(components: list[Json]) -> list[Json]:
    """Give every component without an ID one, as Discord does."""
    numbered = copied(components)
    walked = walk_components(numbered)
    given = {component.get("id") for component in walked}
    free = (number for number in count(1) if number not in given)
    for component in walked:
        component["id"] = component.get("id") or next(free)
    return numbered


def _fill(world: World, message: Message, payload: Json, files: Files) -> None:
    if "content" in payload:
        message.content = (payload["content"] or "").strip()
    if "embeds" in payload:
        message.embeds = list(payload["embeds"] or [])
    if "sticker_ids" in payload:
        message.stickers = [world.stickers[int(each)] for each in payload["sticker_ids"]]
    if "components" in payload:
        message.components = _number_components(list(payload["components"] or []))
    flags: Any = payload.get("flags")
    if isinstance(flags, int):
        fixed = message.flags & (MessageFlag.EPHEMERAL | MessageFlag.IS_COMPONENTS_V2)
        message.flags = fixed | (MessageFlag(flags) & KEPT_FLAGS & ~MessageFlag.EPHEMERAL)
    _attach(world, message, payload, files)
    if "content" in payload or "components" in payload:
        message.mentions = _mentioned_users(world, message, payload)


def create_message(
    world: World,
    channel: Channel,
    author: User,
    payload: Json,
    files: Files,
    *,
    interaction: Interaction | None = None,
    ephemeral: bool = False,
    loading: bool = False,
) -> Message:
    """Create a message, and dispatch it to all who can see it."""
    message = Message(
        world.ids.next(), channel.id, author.id, world.clock.now(), interaction=interaction
    )
    if ephemeral:
        message.flags |= MessageFlag.EPHEMERAL
        assert interaction is not None
        message.visible_to = interaction.user.id
    _fill(world, message, payload, files)
    if loading:
        message.flags |= MessageFlag.LOADING
    nonce = payload.get("nonce")
    message.nonce = None if nonce is None else str(nonce)
    reference = payload.get("message_reference")
    if reference and int(reference["message_id"]) in world.messages:
        message.reference_id = int(reference["message_id"])
    world.messages[message.id] = message
    announce(world, "MESSAGE_CREATE", message)
    return message


def edit_message(world: World, message: Message, payload: Json, files: Files) -> Message:
    """Edit a message in place, and dispatch that."""
    _fill(world, message, payload, files)
    message.flags &= ~MessageFlag.LOADING
    message.edited_at = world.clock.now()
    message.revision += 1
    announce(world, "MESSAGE_UPDATE", message)
    return message


def delete_message(world: World, message: Message) -> None:
    """Delete a message; whoever holds it sees `deleted`."""
    message.deleted = True
    message.revision += 1
    announce(world, "MESSAGE_DELETE", message)


def announce(world: World, event: str, message: Message) -> None:
    """Tell page, tests and gateway of a message's change."""
    world.emit(event, {"message": message, "json": message_json(world, message)})


def _mentioned_users(world: World, message: Message, payload: Json) -> list[int]:
    """The IDs of users that the message mentions, and is allowed to mention.

    https://docs.discord.com/developers/resources/message#allowed-mentions-object
    """
    allowed = payload.get("allowed_mentions")
    if allowed is None:
        allowed = {
            "parse": ("users", "roles", "everyone") if message.interaction is None else ("users",)
        }
    texts = [message.content]
    texts += [c["content"] for c in walk_components(message.components) if c["type"] == 10]
    found = [int(each) for text in texts for each in _MENTION.findall(text)]
    if "users" not in (allowed.get("parse") or ()):
        listed = {str(each) for each in allowed.get("users") or ()}
        found = [each for each in found if str(each) in listed]
    return [each for each in dict.fromkeys(found) if each in world.users]
