"""Telling of a change: in the answer, and in the server's log channel if it has one."""

import logging
from collections.abc import Callable

import discord

from bot.kit import Interaction
from bot.texts import Texts, texts_for, texts_of
from bot.ui.container import say

log = logging.getLogger(__name__)


async def announce(interaction: Interaction, words: Callable[[Texts], str]) -> str:
    """Post a change to the log channel in the server's language.

    Returns:
        The same words for the one who made the change, in their language; and if the log channel
        could not be reached, a line that says so.
    """
    said = words(texts_of(interaction))
    guild_id = interaction.guild_id
    limits = await interaction.client.queue.limits.in_force(guild_id)
    if limits.log_channel_id is None:
        return said
    t = texts_for(interaction.guild_locale)
    line = t("<@{user_id}>: {change}", user_id=interaction.user.id, change=words(t))
    channel = interaction.client.get_partial_messageable(limits.log_channel_id, guild_id=guild_id)
    try:
        await channel.send(line[:2000])
    except (discord.DiscordException, OSError) as error:  # the change itself is made
        log.info("The log channel of server %s cannot be written: %s", guild_id, error)
        note = texts_of(interaction)(
            "I could not write to the log channel <#{channel_id}>; please check my permissions.",
            channel_id=limits.log_channel_id,
        )
        return f"{said}\n{note}"
    return said


async def tell(interaction: Interaction, words: Callable[[Texts], str]) -> None:
    """Announce a change, and say it in the answer, which is acknowledged."""
    await say(interaction, await announce(interaction, words))
