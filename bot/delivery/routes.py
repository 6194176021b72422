"""The ways to a user: by the interaction's token, by the bot's own, by direct message, by post."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import discord
from discord import ui

from bot.cards.job_card import end_words
from bot.kit import Bot
from bot.texts import texts_for
from bot.wire.original_response import ORIGINAL
from jobs.model import Job

HISTORY = 50
NONCE_LIMIT = 25  # characters


@dataclass(frozen=True)
class Shown:
    """The user can see it."""

    how: str
    message_id: int
    channel_id: int
    edited_at: datetime | None = None  # None: just sent


Way = Callable[[Mapping[str, Any], list[discord.File]], Awaitable[Shown]]


@dataclass(frozen=True)
class Route:
    """One way to a message, and how large its files may be."""

    way: Way
    limit_bytes: int
    is_dm: bool = False
    is_new: bool = False
    """Whether it makes a message and edits none."""


class Ways:
    """Makes the ways. Each takes what to set of the message, and raises what Discord says."""

    def __init__(self, client: Bot) -> None:
        self._client = client

    def by_token(self, job: Job) -> Way:
        """Edit the answer by the interaction's token."""

        async def way(fields: Mapping[str, Any], files: list[discord.File]) -> Shown:
            reply = job.reply
            webhook = discord.Webhook.partial(
                reply.application_id, reply.interaction_token, client=self._client
            )
            message = await webhook.edit_message(ORIGINAL, attachments=files, **fields)
            return Shown("token", message.id, message.channel.id, message.edited_at)

        return way

    def by_bot(self, job: Job) -> Way:
        """Edit the message by the bot's own token."""

        async def way(fields: Mapping[str, Any], files: list[discord.File]) -> Shown:
            reply = job.reply
            assert reply.channel_id is not None
            assert reply.message_id is not None
            channel = self._client.get_partial_messageable(reply.channel_id, guild_id=job.guild_id)
            message = channel.get_partial_message(reply.message_id)
            edited = await message.edit(attachments=files, **fields)
            return Shown("bot", edited.id, reply.channel_id, edited.edited_at)

        return way

    def by_dm(self, job: Job, *, search: bool) -> Way:
        """Send it to the user; with `search`, only if their DMs do not hold it yet."""

        async def way(fields: Mapping[str, Any], files: list[discord.File]) -> Shown:
            dm = await self._client.create_dm(discord.Object(job.user_id))
            if search:
                sent = await self._find(dm, job)
                if sent is not None:
                    return Shown("dm", sent.id, dm.id)
            message = await _send(dm, job, fields, files)
            return Shown("dm", message.id, dm.id)

        return way

    def by_post(self, job: Job, *, search: bool) -> Way:
        """Post it where the command was used; with `search`, only if it is not there yet."""

        async def way(fields: Mapping[str, Any], files: list[discord.File]) -> Shown:
            reply = job.reply
            assert reply.channel_id is not None
            channel = self._client.get_partial_messageable(reply.channel_id, guild_id=job.guild_id)
            message = await self._find(channel, job) if search else None
            if message is None:
                message = await _send(channel, job, fields, files)
            return Shown("post", message.id, reply.channel_id)

        return way

    async def _find(self, place: discord.abc.Messageable, job: Job) -> discord.Message | None:
        """The message with this very end of a job that an earlier run sent, if it did."""
        assert self._client.user is not None
        async for message in place.history(limit=HISTORY):
            # An answer to a command, such as that of /show, was not sent for the delivery.
            was_sent = message.interaction_metadata is None
            is_ours = message.author.id == self._client.user.id  # members can write the same words
            if was_sent and is_ours and _tells(message, job):
                return message
        return None

    async def is_last(self, job: Job, shown: Shown, *, by_token: bool) -> bool:
        """Whether nobody has edited the message since it was shown so."""
        reply = job.reply
        message: discord.Message
        if by_token:
            webhook = discord.Webhook.partial(
                reply.application_id, reply.interaction_token, client=self._client
            )
            message = await webhook.fetch_message(ORIGINAL)
        else:
            channel = self._client.get_partial_messageable(shown.channel_id)
            message = await channel.fetch_message(shown.message_id)
        return message.edited_at == shown.edited_at


def _nonce(job: Job) -> str:
    """What makes a repeated post the same message: the job, and which of its ends it tells.

    A job that was retried ends once more, in another revision.
    """
    return f"atelier-{job.id}-{job.revision}"[-NONCE_LIMIT:]


async def _send(
    place: discord.abc.Messageable,
    job: Job,
    fields: Mapping[str, Any],
    files: list[discord.File],
) -> discord.Message:
    given = {name: value for name, value in fields.items() if value}
    return await place.send(files=files, nonce=_nonce(job), **given)


def _tells(message: discord.Message, job: Job) -> bool:
    """Whether a message tells how a job ended, and not how it ended before it was retried."""
    words = _words(message)
    headline = end_words(texts_for(job.reply.locale), job, None)[0]
    if headline not in words or not re.search(rf"#{job.id}\b", words):
        return False
    return job.failure is None or job.failure.error_id in words


def _words(message: discord.Message) -> str:
    """All that a message says."""
    parts = ui.LayoutView.from_message(message).walk_children()
    shown = (part.content for part in parts if isinstance(part, ui.TextDisplay))
    return "\n".join([message.content, *shown])
