"""Who is asking, and what they may do."""

from typing import Any

import discord

from common.settings import Settings


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
    channel = None if channel_id is None else client.get_channel(channel_id)
    if isinstance(channel, discord.Thread):
        if channel.is_private():
            return False
        channel = channel.parent
    if not isinstance(channel, discord.abc.GuildChannel):
        return False
    return reads(channel.permissions_for(channel.guild.default_role), channel)
