"""The sandbox's objects as Discord's JSON."""

import json
from datetime import UTC, datetime

from sandbox.addresses import attachment_json, file_url, proxy_url
from sandbox.model import (
    Channel,
    ChannelType,
    Interaction,
    Json,
    Message,
    Role,
    User,
    walk_components,
)
from sandbox.permissions import app_permissions, permissions_of
from sandbox.world import World


def copied(objects: list[Json]) -> list[Json]:
    """A deep copy of JSON; several times as fast as `copy.deepcopy`."""
    copies: list[Json] = json.loads(json.dumps(objects))
    return copies


def timestamp(seconds: float) -> str:
    """ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def avatar_hash(user: User) -> str | None:
    """The user's avatar hash; None for bots, which have no avatar here."""
    return None if user.bot else f"{user.id:032x}"


def user_json(user: User) -> Json:
    """A user object."""
    return {
        "id": str(user.id),
        "username": user.name,
        "global_name": None if user.bot else user.display_name,
        "discriminator": "0000" if user.bot else "0",
        "avatar": avatar_hash(user),
        "bot": user.bot,
        "public_flags": 0,
        "flags": 0,
    }


def member_json(world: World, user: User, *, with_user: bool = True) -> Json:
    """A guild member object, with the permissions for interactions."""
    member: Json = {
        "roles": [str(r) for r in user.role_ids],
        "joined_at": timestamp(1_700_000_000),
        "flags": 0,
        **dict.fromkeys(("nick", "avatar", "premium_since", "communication_disabled_until")),
        **dict.fromkeys(("deaf", "mute", "pending"), False),
        "permissions": str(permissions_of(world.guild, user)),
    }
    if with_user:
        member["user"] = user_json(user)
    return member


def role_json(role: Role, *, position: int) -> Json:
    """A role object."""
    return {
        "id": str(role.id),
        "name": role.name,
        "color": role.color,
        "colors": {"primary_color": role.color, "secondary_color": None, "tertiary_color": None},
        "position": position,
        "permissions": str(role.permissions),
        **dict.fromkeys(("hoist", "managed", "mentionable"), False),
        "flags": 0,
    }


def _overwrites(world: World, channel: Channel) -> list[Json]:
    if not channel.bot_denied:
        return []
    denied = str(channel.bot_denied)
    return [{"id": str(world.bot.id), "type": 1, "allow": "0", "deny": denied}]


def channel_json(world: World, channel: Channel, *, viewer: User | None = None) -> Json:
    """A channel object; with a viewer, the partial one in interactions."""
    payload: Json = {"id": str(channel.id), "type": int(channel.type), "flags": 0}
    last = max((m.id for m in world.messages.values() if m.channel_id == channel.id), default=None)
    payload["last_message_id"] = last and str(last)
    if channel.type is ChannelType.GUILD_TEXT:
        payload |= {
            "guild_id": str(channel.guild_id),
            "name": channel.name,
            "topic": channel.topic or None,
            "position": 0,
            "nsfw": False,
            "rate_limit_per_user": 0,
            "parent_id": None,
            "permission_overwrites": _overwrites(world, channel),
            **_of_another_kind(world, channel),
        }
    else:
        payload["recipients"] = [user_json(world.users[i]) for i in channel.member_ids]
        if channel.type is ChannelType.GROUP_DM:
            payload |= {"name": channel.name, "icon": None, "owner_id": str(channel.member_ids[0])}
    if viewer is not None and channel.guild_id is not None:
        payload["permissions"] = str(permissions_of(world.guild, viewer))
    return payload


def _of_another_kind(world: World, channel: Channel) -> Json:
    """The fields of channels other than text channels."""
    if channel.kind is None:
        return {}
    if channel.parent_id is None:
        return {"type": channel.kind, "bitrate": 64000, "user_limit": 0}
    return {
        "type": channel.kind,
        "parent_id": str(channel.parent_id),
        "owner_id": str(world.guild.owner_id),
        **dict.fromkeys(("message_count", "member_count"), 1),
        "thread_metadata": {
            "archived": channel.archived,
            "auto_archive_duration": 60,
            "archive_timestamp": timestamp(world.clock.now()),
            "locked": channel.locked,
        },
    }


_NONE_IN_GUILD = (
    *("features", "emojis", "stickers", "presences", "voice_states"),
    *("stage_instances", "guild_scheduled_events", "soundboard_sounds"),
)
_LEVELS_OF_GUILD = (
    *("verification_level", "default_message_notifications", "explicit_content_filter"),
    *("mfa_level", "nsfw_level", "system_channel_flags"),
)


def guild_json(world: World) -> Json:
    """The guild as GUILD_CREATE carries it."""
    guild = world.guild
    channels = [c for c in world.channels.values() if c.guild_id == guild.id]
    return {
        "id": str(guild.id),
        "name": guild.name,
        "icon": None,
        "owner_id": str(guild.owner_id),
        "roles": [role_json(role, position=position) for position, role in enumerate(guild.roles)],
        "channels": [channel_json(world, c) for c in channels if c.parent_id is None],
        "threads": [channel_json(world, c) for c in channels if c.parent_id is not None],
        "members": [member_json(world, world.bot)],
        "member_count": sum(u.in_guild for u in world.users.values()),
        "premium_tier": guild.premium_tier,
        "preferred_locale": guild.locale,
        "large": False,
        "unavailable": False,
        "joined_at": timestamp(1_700_000_000),
        "afk_timeout": 300,
        "system_channel_id": None,
        **{name: [] for name in _NONE_IN_GUILD},
        **dict.fromkeys(_LEVELS_OF_GUILD, 0),
    }


def media_json(world: World, message: Message, media: Json) -> Json:
    """A media item of a component or embed, with `attachment://` resolved to a URL."""
    url = str(media.get("url", ""))
    if not url.startswith("attachment://"):
        return {**media, "proxy_url": proxy_url(world, url), "loading_state": 2}
    name = url.removeprefix("attachment://")
    stored = next((f for f in message.attachments if f.filename == name), None)
    if stored is None:
        return dict(media)
    address = file_url(world, stored)
    return {
        "url": address,
        "proxy_url": address,
        "width": stored.width,
        "height": stored.height,
        "content_type": stored.content_type,
        "loading_state": 2,
        "attachment_id": str(stored.id),
        "flags": 0,
    }


def components_json(world: World, message: Message) -> list[Json]:
    """The message's components with their media resolved."""
    components = copied(message.components)
    for component in walk_components(components):
        for holder in (component, *component.get("items", [])):
            for key in ("media", "file"):
                if isinstance(holder.get(key), dict):
                    holder[key] = media_json(world, message, holder[key])
        wanted = (component.get("file") or {}).get("attachment_id")
        stored = next((f for f in message.attachments if str(f.id) == wanted), None)
        if stored is not None:
            component |= {"name": stored.filename, "size": len(stored.data)}
    return components


def embeds_json(world: World, message: Message) -> list[Json]:
    """The message's embeds with their pictures resolved."""
    embeds = copied(message.embeds)
    for embed in embeds:
        embed.setdefault("type", "rich")
        for key in ("image", "thumbnail"):
            if isinstance(embed.get(key), dict):
                embed[key] = media_json(world, message, embed[key])
        for key in ("author", "footer"):
            icon = embed.get(key, {}).get("icon_url")
            if icon:
                embed[key]["icon_url"] = media_json(world, message, {"url": icon})["url"]
    return embeds


def _used_by_embeds(message: Message) -> set[str]:
    names = set()
    for embed in message.embeds:
        for holder, key in (("image", "url"), ("thumbnail", "url"), ("author", "icon_url")):
            names.add(str(embed.get(holder, {}).get(key, "")).removeprefix("attachment://"))
    return names


def message_json(world: World, message: Message, *, nested: bool = False) -> Json:
    """A message object, as in REST responses and dispatches."""
    in_embeds = _used_by_embeds(message)
    payload: Json = {
        "id": str(message.id),
        "channel_id": str(message.channel_id),
        "type": _message_type(message),
        "author": user_json(world.users[message.author_id]),
        "content": message.content,
        "embeds": embeds_json(world, message),
        "components": components_json(world, message),
        "attachments": [
            attachment_json(world, f) for f in message.attachments if f.filename not in in_embeds
        ],
        "sticker_items": [
            {"id": str(each.id), "name": each.name, "format_type": int(each.format)}
            for each in message.stickers
        ],
        "flags": int(message.flags),
        "timestamp": timestamp(message.created_at),
        "edited_timestamp": timestamp(message.edited_at) if message.edited_at else None,
        "mentions": [user_json(world.users[i]) for i in message.mentions if i in world.users],
        "mention_roles": [],
        **dict.fromkeys(("mention_everyone", "pinned", "tts"), False),
    }
    if message.nonce is not None:
        payload["nonce"] = message.nonce
    if message.author_id == world.bot.id:
        payload["application_id"] = str(world.application_id)
    if message.interaction is not None:
        payload["webhook_id"] = str(world.application_id)
        payload["interaction_metadata"] = interaction_metadata(message.interaction)
    if message.reference_id is not None:
        payload["message_reference"] = {
            "type": 0,
            "message_id": str(message.reference_id),
            "channel_id": str(message.channel_id),
        }
        referenced = world.messages.get(message.reference_id)
        if referenced is not None and not nested:
            payload["referenced_message"] = message_json(world, referenced, nested=True)
    return payload


def for_bot(world: World, message: Message, payload: Json) -> Json:
    """A message as the bot gets it: without the content intent, others' text is removed.

    https://docs.discord.com/developers/events/gateway#message-content-intent
    """
    channel = world.channels[message.channel_id]
    mine = message.author_id == world.bot.id or world.bot.id in message.mentions
    if mine or world.sees_content or channel.guild_id is None:
        return payload
    return {**payload, "content": "", "embeds": [], "attachments": [], "components": []}


def _message_type(message: Message) -> int:
    """20 for a response to a slash command, 23 for a context menu, 19 for a reply, else 0."""
    interaction = message.interaction
    if interaction is not None and interaction.type == 2 and interaction.message is message:
        return 20 if interaction.data.get("type", 1) == 1 else 23
    return 19 if message.reference_id is not None else 0


def interaction_json(world: World, interaction: Interaction) -> Json:
    """An interaction as INTERACTION_CREATE carries it."""
    user, channel = interaction.user, interaction.channel
    payload: Json = {
        "id": str(interaction.id),
        "application_id": str(world.application_id),
        "type": int(interaction.type),
        "token": interaction.token,
        "version": 1,
        "data": interaction.data,
        "channel_id": str(channel.id),
        "channel": channel_json(world, channel, viewer=user),
        "locale": user.locale,
        "app_permissions": str(app_permissions(world.guild, world.bot, channel)),
        "entitlements": [],
        "entitlement_sku_ids": [],
        "authorizing_integration_owners": owners(interaction),
        "context": int(interaction.context),
        "attachment_size_limit": world.upload_limit_bytes,
    }
    if channel.guild_id is not None:
        payload |= {
            "guild_id": str(channel.guild_id),
            "guild": {"id": str(channel.guild_id), "locale": world.guild.locale, "features": []},
            "guild_locale": world.guild.locale,
            "member": member_json(world, user),
        }
    else:
        payload["user"] = user_json(user)
    if interaction.source is not None:
        payload["message"] = message_json(world, interaction.source)
    return payload


def interaction_metadata(interaction: Interaction) -> Json:
    """Who used the command that a message responds to."""
    payload: Json = {
        "id": str(interaction.id),
        "type": int(interaction.type),
        "user": user_json(interaction.user),
        "authorizing_integration_owners": owners(interaction),
    }
    if interaction.source is not None:
        payload["interacted_message_id"] = str(interaction.source.id)
    return payload


def owners(interaction: Interaction) -> dict[str, str]:
    """Who installed the application: the server (`0`; 0 in the bot's DM) or the user (`1`)."""
    if interaction.user_installed:
        return {"1": str(interaction.user.id)}
    return {"0": str(interaction.channel.guild_id or 0)}
