"""Who made an interaction, and what they may do."""

from typing import Any

import discord

from bot.texts import _
from common.settings import Settings

ONLY_COMMANDS = _(
    "This server has my commands, but I am not a member of it: I cannot post here, and what "
    "takes longer than 15 minutes cannot be shown here. An admin can add me: {link}"
)
PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    embed_links=True,
    attach_files=True,
    read_message_history=True,
)
"""The permissions that the bot asks for when it is invited."""


def invitation(application_id: int) -> str:
    """The URL by which an admin adds the bot and its commands to a server."""
    scopes = ("bot", "applications.commands")
    return discord.utils.oauth_url(application_id, permissions=PERMISSIONS, scopes=scopes)


def role_ids(interaction: discord.Interaction[Any]) -> tuple[int, ...]:
    """IDs of the member's roles, with @everyone; none outside a server.

    From the interaction: `Member.roles` lacks roles that are not cached, and none are cached of a
    server that installed only the commands, or that Discord has yet to send after a start.
    """
    user = interaction.user
    if not isinstance(user, discord.Member) or interaction.guild_id is None:
        return ()
    return (interaction.guild_id, *user._roles)  # noqa: SLF001 - the only complete list


def is_operator(user_id: int, settings: Settings) -> bool:
    """Whether the user operates this bot (`ATELIER_OWNER_IDS`)."""
    return user_id in settings.atelier_owner_ids


def is_admin(interaction: discord.Interaction[Any], settings: Settings) -> bool:
    """Whether the user manages the interaction's server, or operates this bot."""
    in_guild = interaction.guild_id is not None
    return (in_guild and interaction.permissions.manage_guild) or is_operator(
        interaction.user.id, settings
    )


def is_bot_here(interaction: discord.Interaction[Any]) -> bool:
    """Whether the bot is a member where an interaction was made, so that its own token works there.

    An unavailable server counts: it stays in the cache.
    """
    if interaction.guild_id is not None:
        guild = interaction.client.get_guild(interaction.guild_id)
        is_servers = interaction.is_guild_integration()
        return guild is not None and (is_servers or not guild.unavailable)
    if interaction.context.private_channel:
        return False
    return isinstance(interaction.channel, discord.DMChannel)


def has_only_commands(interaction: discord.Interaction[Any]) -> bool:
    """Whether an interaction is from a server that installed the commands without the bot."""
    return interaction.is_guild_integration() and not is_bot_here(interaction)


def can_read(
    permissions: discord.Permissions, channel: discord.abc.GuildChannel | discord.Thread
) -> bool:
    """Whether these permissions allow reading a channel.

    The chat of a voice channel is only for those who may connect to it.
    """
    is_voice = isinstance(channel, discord.VoiceChannel | discord.StageChannel)
    return permissions.view_channel and (permissions.connect or not is_voice)


def is_seen_by_all(client: discord.Client, channel_id: int | None) -> bool:
    """Whether all members of a server can read one of its channels, as far as is cached."""
    channel = _open_channel(client, channel_id)
    return channel is not None and _role_reads(channel.guild.default_role, channel)


def is_seen_by_those_in(
    client: discord.Client, channel_id: int | None, here_id: int | None
) -> bool:
    """Whether all who can read one channel can read another of its server, by the cache.

    Args:
        client: The bot.
        channel_id: The channel to be read.
        here_id: The channel whose readers these are.
    """
    channel, here = _open_channel(client, channel_id), _open_channel(client, here_id)
    if channel is None or here is None or channel.guild != here.guild:
        return False
    if _role_reads(channel.guild.default_role, channel):
        return True
    singly = (rule for who, rule in here.overwrites.items() if not isinstance(who, discord.Role))
    if any(rule.view_channel for rule in singly):
        return False  # a member with an overwrite of their own
    return all(_role_reads(role, channel) for role in here.guild.roles if _role_reads(role, here))


def _open_channel(
    client: discord.Client, channel_id: int | None
) -> discord.abc.GuildChannel | None:
    """A channel; for a public thread its parent; None for any other thread."""
    channel = None if channel_id is None else client.get_channel(channel_id)
    if isinstance(channel, discord.Thread):
        channel = None if channel.is_private() else channel.parent
    return channel if isinstance(channel, discord.abc.GuildChannel) else None


def _role_reads(role: discord.Role, channel: discord.abc.GuildChannel) -> bool:
    return can_read(channel.permissions_for(role), channel)


def still_there(guild: discord.Guild | None, ids: tuple[int, ...]) -> tuple[int, ...]:
    """Those IDs of roles or channels that the bot finds in their server.

    It does not find archived threads.
    """
    if guild is None or guild.unavailable:
        return ids
    return tuple(each for each in ids if guild.get_role(each) or guild.get_channel_or_thread(each))
