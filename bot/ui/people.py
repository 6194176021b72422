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
