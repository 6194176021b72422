"""The defaults in force for a user in a channel, cached for when the database is slow."""

import asyncio
import logging
from typing import Any

import discord
from cachetools import LRUCache

from bot.intake.request import reply_to
from bot.kit import DISCORD_FAILED, Bot, Feature, Interaction, Service
from bot.texts import Texts, texts_for
from bot.ui.people import role_ids
from bot.wire.acknowledging import answer_within
from common.defaults import Defaults
from jobs.management.defaults import DefaultsScope
from jobs.model import Reply
from jobs.outcomes import QueueUnavailableError

log = logging.getLogger(__name__)

READING_SECONDS = 0.3  # of the 3 s within which Discord wants the acknowledgement
REMEMBERED = 10_000
_READING = "own_defaults"
"""Key in `interaction.extras`: the task that reads the defaults, which a command needs twice. Where
the database is slow, the second time may still be in time for what the first asked for."""


class OwnDefaults(Service):
    """Reads defaults before a command is acknowledged: they decide whether it is ephemeral."""

    def __init__(self, client: Bot) -> None:
        super().__init__(client)
        self._remembered: LRUCache[tuple[int, int | None], Defaults] = LRUCache(REMEMBERED)

    async def start(self) -> None:
        """Load the languages that users chose."""
        self._client.languages.update(await self._client.queue.defaults.languages())

    async def of(self, interaction: Interaction) -> Defaults:
        """The defaults in force for the user of an interaction, in its channel."""
        key = (interaction.user.id, interaction.channel_id)
        try:
            found = await answer_within(READING_SECONDS, self._reading(interaction))
        except (TimeoutError, QueueUnavailableError) as error:
            log.info("Defaults are read too slowly (%s); as they were before", error)
            return self._remembered.get(key, Defaults())
        found = found.for_roles(role_ids(interaction))
        self._remembered[key] = found
        return found

    def _reading(self, interaction: Interaction) -> "asyncio.Task[Defaults]":
        """The task that reads the defaults; a new one if there is none, or if it has failed."""
        begun: asyncio.Task[Defaults] | None = interaction.extras.get(_READING)
        has_failed = begun is not None and begun.done() and (begun.cancelled() or begun.exception())
        if begun is not None and not has_failed:
            return begun
        owners: list[tuple[DefaultsScope, int]] = [("user", interaction.user.id)]
        if interaction.guild_id is not None:
            place = _owners_there(interaction, interaction.guild_id, interaction.channel_id)
            owners = [*place, *owners]
        reading = asyncio.create_task(self._client.queue.defaults.in_force(owners))
        interaction.extras[_READING] = reading
        return reading

    async def set(
        self, interaction: Interaction, scope: DefaultsScope, owner_id: int, chosen: Defaults
    ) -> bool:
        """Store what somebody chose, for themselves, a channel or a server; False if it is so."""
        channel = self._client.get_channel(owner_id) if scope == "channel" else None
        is_new = await self._client.queue.defaults.set(
            scope,
            owner_id,
            chosen,
            guild_id=interaction.guild_id or 0,
            by_user=interaction.user.id,
            threads=[thread.id for thread in getattr(channel, "threads", ())],
        )
        self._remembered.clear()
        interaction.extras.pop(_READING, None)
        if scope == "guild" and chosen.spoiler_role_ids and not chosen.always_spoiler:
            await self._hide_by_role(owner_id, chosen)
        if scope == "user":
            self._client.languages.pop(owner_id, None)
            if chosen.language is not None:
                self._client.languages[owner_id] = chosen.language
        return is_new

    async def _hide_by_role(self, guild_id: int, chosen: Defaults) -> None:
        """Hide the queued and running pictures of members with a role that is always hidden.

        A job knows its member but not their roles, so Discord is asked for these.
        """
        guild, stored = self._client.get_guild(guild_id), self._client.queue.defaults
        if guild is None:
            return
        hidden = set[int]()
        for user_id in await stored.unhidden_members(guild_id):
            try:
                member = await guild.fetch_member(user_id)
            except DISCORD_FAILED as error:
                log.info("The roles of user %d are not known: %s", user_id, error)
                continue
            if chosen.for_roles([role.id for role in member.roles]).always_spoiler:
                hidden.add(user_id)
        if hidden:
            await stored.hide_unfinished_of(guild_id, hidden)


def _owners_there(
    interaction: Interaction, guild_id: int, channel_id: int | None
) -> list[tuple[DefaultsScope, int]]:
    """A server and one of its channels as owners of defaults; a thread comes after its parent."""
    owners: list[tuple[DefaultsScope, int]] = [("guild", guild_id)]
    if channel_id is None:
        return owners
    is_here = channel_id == interaction.channel_id
    channel = interaction.channel if is_here else interaction.client.get_channel(channel_id)
    if isinstance(channel, discord.Thread):
        owners.append(("channel", channel.parent_id))
    return [*owners, ("channel", channel_id)]


async def defaults_there(
    interaction: Interaction, guild_id: int, channel_id: int | None
) -> Defaults:
    """The defaults that admins chose for a channel and its server."""
    owners = _owners_there(interaction, guild_id, channel_id)
    return await interaction.client.queue.defaults.in_force(owners)


async def texts_of_server(
    client: Bot, guild_id: int | None, locale: discord.Locale | str | None
) -> Texts:
    """The sentences for what the bot posts to all members of a server.

    Only community servers can choose a language in Discord; all others count as English.

    Args:
        client: The bot.
        guild_id: The server, whose admins may have chosen a language for the bot.
        locale: The server's language in Discord.
    """
    chosen = Defaults()
    if guild_id is not None:
        chosen = await client.queue.defaults.of("guild", guild_id)
    t = texts_for(locale)
    return t if chosen.language in {None, t.language} else texts_for(chosen.language)


async def must_hide(interaction: Interaction, guild_id: int, channel_id: int | None) -> bool:
    """Whether admins want this user's pictures hidden in a channel."""
    there = await defaults_there(interaction, guild_id, channel_id)
    return bool(there.for_roles(role_ids(interaction)).always_spoiler)


async def must_hide_here(interaction: Interaction) -> bool:
    """The same for the interaction's own channel; False outside a server."""
    guild_id = interaction.guild_id
    return guild_id is not None and await must_hide(interaction, guild_id, interaction.channel_id)


def options_by(own: Defaults) -> dict[str, Any]:
    """Those defaults that are paint options, by name."""
    return own.model_dump(include={"size_px", "quality", "keep_colors"}, exclude_none=True)


def reply_by(interaction: Interaction, own: Defaults) -> Reply:
    """Where the response to an interaction goes, with these defaults."""
    return reply_to(
        interaction,
        ephemeral=bool(own.ephemeral),
        spoiler=bool(own.spoiler or own.always_spoiler),
        notify=own.notify or "long",
    )


FEATURE = Feature(services=(OwnDefaults,))
