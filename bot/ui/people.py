"""Who is asking, and what they may do."""

from typing import Any

import discord

from common.settings import Settings


def role_ids(interaction: discord.Interaction[Any]) -> tuple[int, ...]:
    """Ids of the member's roles; none outside a server."""
    user = interaction.user
    return tuple(role.id for role in user.roles) if isinstance(user, discord.Member) else ()


def is_operator(user_id: int, settings: Settings) -> bool:
    """Whether the user runs this bot (`ATELIER_OWNER_IDS`)."""
    return user_id in settings.atelier_owner_ids


def is_admin(interaction: discord.Interaction[Any], settings: Settings) -> bool:
    """Whether the user manages the server of the interaction, or runs this bot."""
    in_guild = interaction.guild_id is not None
    return (in_guild and interaction.permissions.manage_guild) or is_operator(
        interaction.user.id, settings
    )


def is_seen_by_all(client: discord.Client, channel_id: int | None) -> bool:
    """Whether each member of a server sees a channel of it, as far as the bot knows it."""
    channel = None if channel_id is None else client.get_channel(channel_id)
    if isinstance(channel, discord.Thread):
        if channel.is_private():
            return False
        channel = channel.parent
    if not isinstance(channel, discord.abc.GuildChannel):
        return False
    return channel.permissions_for(channel.guild.default_role).view_channel
