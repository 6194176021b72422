"""Who may use the admins' commands: checked here, whatever Discord was told to let through."""

from typing import Any

import discord
from discord import app_commands

from bot.kit import Interaction
from bot.ui.people import is_admin

MANAGE_GUILD = discord.Permissions(manage_guild=True)
# What is left open here would be taken from the tree, which allows everything.
IN_SERVERS = app_commands.AppCommandContext(guild=True, dm_channel=False, private_channel=False)
WHERE_INSTALLED = app_commands.AppInstallationType(guild=True, user=False)


def admin_guild(interaction: Interaction) -> int:
    """The server that the one who asks manages.

    Raises:
        NoPrivateMessage: outside a server.
        MissingPermissions: if they do not manage it.
    """
    if interaction.guild_id is None:
        raise app_commands.NoPrivateMessage
    if not is_admin(interaction, interaction.client.settings):
        raise app_commands.MissingPermissions(["manage_guild"])
    return interaction.guild_id


class AdminGroup(app_commands.Group):
    """Commands for those who manage a server."""

    def __init__(self, name: str, description: str) -> None:
        super().__init__(
            name=name,
            description=description,
            default_permissions=MANAGE_GUILD,
            allowed_contexts=IN_SERVERS,
            allowed_installs=WHERE_INSTALLED,
        )

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Let only admins through."""
        admin_guild(interaction)
        return True
