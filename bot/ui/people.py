"""Who is asking, and what they may do."""

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
"""What the bot asks for where it is invited."""


def invitation(application_id: int) -> str:
    """The address by which an admin brings the bot, and its commands, into a server."""
    scopes = ("bot", "applications.commands")
    return discord.utils.oauth_url(application_id, permissions=PERMISSIONS, scopes=scopes)


def role_ids(interaction: discord.Interaction[Any]) -> tuple[int, ...]:
    """Ids of the member's roles, that of everybody included; none outside a server.

    As the interaction names them: `Member.roles` lacks those that the bot does not know, and it
    knows none of a server that installed only the commands, or that has yet to come after a start.
    """
    user = interaction.user
    if not isinstance(user, discord.Member) or interaction.guild_id is None:
        return ()
    return (interaction.guild_id, *user._roles)  # noqa: SLF001 - nothing else has all


def is_operator(user_id: int, settings: Settings) -> bool:
    """Whether the user runs this bot (`ATELIER_OWNER_IDS`)."""
    return user_id in settings.atelier_owner_ids


def is_admin(interaction: discord.Interaction[Any], settings: Settings) -> bool:
    """Whether the user manages the server of the interaction, or runs this bot."""
    in_guild = interaction.guild_id is not None
    return (in_guild and interaction.permissions.manage_guild) or is_operator(
        interaction.user.id, settings
    )


def is_bot_here(interaction: discord.Interaction[Any]) -> bool:
    """Whether the bot is a member where an interaction was made, so that its own token works there.

    It knows all servers that it is in, those with an outage as well.
    """
    if interaction.guild_id is not None:
        guild = interaction.client.get_guild(interaction.guild_id)
        is_servers = interaction.is_guild_integration()
        return guild is not None and (is_servers or not guild.unavailable)
    if interaction.context.private_channel:
        return False
    return isinstance(interaction.channel, discord.DMChannel)


def has_only_commands(interaction: discord.Interaction[Any]) -> bool:
    """Whether an interaction was made in a server that installed the commands without the bot."""
    return interaction.is_guild_integration() and not is_bot_here(interaction)


def reads(
    permissions: discord.Permissions, channel: discord.abc.GuildChannel | discord.Thread
) -> bool:
    """Whether somebody with these permissions reads a channel.

    The chat of a voice channel is for those who may join it.
    """
    is_voice = isinstance(channel, discord.VoiceChannel | discord.StageChannel)
    return permissions.view_channel and (permissions.connect or not is_voice)


def is_seen_by_all(client: discord.Client, channel_id: int | None) -> bool:
    """Whether each member of a server sees a channel of it, as far as the bot knows it."""
    channel = _open_channel(client, channel_id)
    return channel is not None and _role_reads(channel.guild.default_role, channel)


def is_seen_by_those_in(
    client: discord.Client, channel_id: int | None, here_id: int | None
) -> bool:
    """Whether all who read a channel read another of the same server, as far as the bot knows.

    Args:
        client: The bot.
        channel_id: The channel that is to be read.
        here_id: That by which its readers are known.
    """
    channel, here = _open_channel(client, channel_id), _open_channel(client, here_id)
    if channel is None or here is None or channel.guild != here.guild:
        return False
    if _role_reads(channel.guild.default_role, channel):
        return True
    singly = (rule for who, rule in here.overwrites.items() if not isinstance(who, discord.Role))
    if any(rule.view_channel for rule in singly):
        return False  # whoever is let in there by name
    return all(_role_reads(role, channel) for role in here.guild.roles if _role_reads(role, here))


def _open_channel(
    client: discord.Client, channel_id: int | None
) -> discord.abc.GuildChannel | None:
    """A channel, or that of a thread which all who read that one read; None for any other."""
    channel = None if channel_id is None else client.get_channel(channel_id)
    if isinstance(channel, discord.Thread):
        channel = None if channel.is_private() else channel.parent
    return channel if isinstance(channel, discord.abc.GuildChannel) else None


def _role_reads(role: discord.Role, channel: discord.abc.GuildChannel) -> bool:
    return reads(channel.permissions_for(role), channel)


def still_there(guild: discord.Guild | None, ids: tuple[int, ...]) -> tuple[int, ...]:
    """Those of some roles or channels that the bot finds in their server.

    Archived threads it does not find.
    """
    if guild is None or guild.unavailable:
        return ids
    return tuple(each for each in ids if guild.get_role(each) or guild.get_channel_or_thread(each))
