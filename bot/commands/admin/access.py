"""Checks permissions for admin commands, whatever Discord let through; announces changes."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import discord
from discord import app_commands

from bot.intake.own_defaults import texts_of_server
from bot.kit import DISCORD_FAILED, Interaction
from bot.texts import Texts, texts_of
from bot.ui.components import say
from bot.ui.missing_permissions import missing_permissions
from bot.ui.people import is_admin
from bot.wire.acknowledging import acknowledge
from bot.wire.original_response import with_retries

log = logging.getLogger(__name__)

TRIES = 2
MANAGE_GUILD = discord.Permissions(manage_guild=True)
# A group's own settings override those of the tree, which allow every context.
IN_SERVERS = app_commands.AppCommandContext(guild=True, dm_channel=False, private_channel=False)
WHERE_INSTALLED = app_commands.AppInstallationType(guild=True, user=False)


def admin_guild(interaction: Interaction) -> int:
    """The ID of the server that the user manages.

    Raises:
        NoPrivateMessage: Outside a server.
        MissingPermissions: They do not manage it.
    """
    if interaction.guild_id is None:
        raise app_commands.NoPrivateMessage
    if not is_admin(interaction, interaction.client.settings):
        raise app_commands.MissingPermissions(["manage_guild"])
    return interaction.guild_id


async def begin_as_admin(interaction: Interaction) -> int:
    """Acknowledge an admin's command and return the server's ID; raises as `admin_guild` does."""
    guild_id = admin_guild(interaction)
    await acknowledge(interaction, ephemeral=True, thinking=True)
    return guild_id


class AdminGroup(app_commands.Group):
    """A group of commands for those who manage a server."""

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


async def announce(
    interaction: Interaction, guild_id: int | None, words: Callable[[Texts], str]
) -> str:
    """Post a change to the log channel, in the server's language; one for all servers to none.

    Returns:
        The same words in the language of whoever made the change; and a line that says so if the
        log channel could not be reached.
    """
    said = words(texts_of(interaction))
    note = None if guild_id is None else await post_change(interaction, words)
    return said if note is None else f"{said}\n{note}"


async def post_change(interaction: Interaction, words: Callable[[Texts], str]) -> str | None:
    """Post a change to the log channel, if there is one. Returns what to say if that fails."""
    guild_id = interaction.guild_id
    limits = await interaction.client.queue.limits.in_force(guild_id)
    if limits.log_channel_id is None:
        return None
    t = await texts_of_server(interaction.client, guild_id, interaction.guild_locale)
    line = t("<@{user_id}>: {change}", user_id=interaction.user.id, change=words(t))
    channel = interaction.client.get_partial_messageable(limits.log_channel_id, guild_id=guild_id)
    nonce = f"log-{interaction.id}"  # so that a retry posts nothing twice
    try:
        await with_retries(lambda: channel.send(line[:2000], nonce=nonce), TRIES)
    except DISCORD_FAILED as error:  # the change itself has been made
        log.info("The log channel of server %s cannot be written: %s", guild_id, error)
        if lacking := lacking_in(interaction, limits.log_channel_id, only_text=True):
            return lacking
        return texts_of(interaction)(
            "I could not write to the log channel <#{channel_id}>; please check my permissions "
            "there, or choose another with /limits set.",
            channel_id=limits.log_channel_id,
        )
    return None


def lacking_in(interaction: Interaction, channel_id: int, *, only_text: bool = False) -> str:
    """Tells an admin which permissions the bot lacks to post in a channel; empty if none."""
    t = texts_of(interaction)
    lacking = missing_permissions(t, interaction.client, channel_id, only_text=only_text)
    return lacking and t(
        "I cannot post in <#{channel_id}>; please give me these permissions there: {permissions}.",
        channel_id=channel_id,
        permissions=lacking,
    )


async def tell(
    interaction: Interaction, guild_id: int | None, words: Callable[[Texts], str]
) -> None:
    """Announce a change, and say it in the acknowledged response."""
    await say(interaction, await announce(interaction, guild_id, words))


async def change(
    interaction: Interaction,
    guild_id: int | None,
    made: Awaitable[bool],
    words: Callable[[Texts], str],
    otherwise: str,
) -> None:
    """Make a change and tell of it; or say how things are, if it changed nothing."""
    if await made:
        await tell(interaction, guild_id, words)
    else:
        await say(interaction, otherwise)
