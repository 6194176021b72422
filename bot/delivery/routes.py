"""The routes to a message: by interaction token, by the bot's own token, by DM, by a new post."""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import discord
from cachetools import LRUCache

from bot.cards.job_card import end_words
from bot.kit import Bot
from bot.texts import texts_for
from bot.ui.components import texts_in
from bot.wire.channels import channel_of, reopen_thread
from bot.wire.original_response import ORIGINAL, webhook_of
from bot.wire.uploads import upload_limit_bytes
from jobs.model import Job, JobState

TOKEN_MARGIN = timedelta(seconds=10)
REMEMBERED_TOKENS = 10_000
HISTORY = 50
NONCE_LIMIT = 25  # characters


@dataclass(frozen=True)
class SentMessage:
    """A message that the user can see."""

    how: str
    message_id: int
    channel_id: int
    edited_at: datetime | None = None  # None: just sent


Fields = Mapping[str, Any]
Files = list[discord.File]
Send = Callable[[Fields, Files], Awaitable[SentMessage]]
"""Sends these fields and files as a message; raises discord.py's errors."""


@dataclass(frozen=True)
class Route:
    """One way to reach the user."""

    send: Send
    """Sends or edits the message by this route."""
    limit_bytes: int
    """The upload limit of its files."""
    is_dm: bool = False
    """Whether it sends direct messages."""
    is_new: bool = False
    """Whether it sends a new message instead of editing one."""


class Routes:
    """Finds the routes to the message of a job, and remembers expired tokens."""

    def __init__(self, client: Bot) -> None:
        self._client = client
        self._ended_tokens: LRUCache[int, None] = LRUCache(REMEMBERED_TOKENS)

    def of(self, job: Job, *, search: bool) -> Iterator[Route]:
        """The routes in the order in which to try them.

        Args:
            job: As it is in the database.
            search: Whether an earlier try may have sent a new message, so that it is searched for
                before another is sent.
        """
        reply = job.reply
        guild = self._client.get_guild(job.guild_id) if job.guild_id else None
        limit_later = upload_limit_bytes(guild)
        if guild is None and job.guild_id is not None:  # Discord has yet to send it
            limit_later = max(limit_later, reply.upload_limit_bytes)
        if self.token_works(job):
            yield Route(partial(self._by_token, job), reply.upload_limit_bytes)
        if reply.is_public and reply.message_id is not None:
            yield Route(partial(self._by_bot, job), limit_later)
        if not _has_result_to_show(job):
            return
        by_dm = partial(self._by_dm, job, search)
        yield Route(by_dm, upload_limit_bytes(None), is_dm=True, is_new=True)
        if reply.is_public and job.guild_id is not None and reply.message_id is None:
            # The ID of its message is not known, so it cannot be edited.
            yield Route(partial(self._by_post, job, search), limit_later, is_new=True)

    async def reopen(self, job: Job) -> bool:
        """Open the archived thread of a job's public message again, if it has news to show there.

        Raises:
            Exception: discord.py's errors.
        """
        reply = job.reply
        if not reply.is_public or reply.channel_id is None or not _has_result_to_show(job):
            return False
        return await reopen_thread(self._client, reply.channel_id)

    def token_works(self, job: Job) -> bool:
        """Whether the interaction token is still valid, as far as is known."""
        now = datetime.fromtimestamp(self._client.clock(), UTC)
        return (
            job.reply.interaction_id not in self._ended_tokens
            and now < job.reply.token_expires_at - TOKEN_MARGIN
        )

    def token_ended(self, job: Job) -> None:
        """Remember that an interaction token has expired."""
        self._ended_tokens[job.reply.interaction_id] = None

    async def is_unchanged(self, job: Job, shown: SentMessage) -> bool:
        """Whether the message has not been edited since it was shown, as far as the bot can see.

        Raises:
            Exception: discord.py's errors.
        """
        reply = job.reply
        message: discord.Message
        if self.token_works(job):
            message = await webhook_of(self._client, reply).fetch_message(ORIGINAL)
        elif not reply.is_public:
            return True
        else:
            channel = self._client.get_partial_messageable(shown.channel_id)
            message = await channel.fetch_message(shown.message_id)
        return message.edited_at == shown.edited_at

    async def _by_token(self, job: Job, fields: Fields, files: Files) -> SentMessage:
        """Edit the response by the interaction token."""
        webhook = webhook_of(self._client, job.reply)
        message = await webhook.edit_message(ORIGINAL, attachments=files, **fields)
        return SentMessage("token", message.id, message.channel.id, message.edited_at)

    async def _by_bot(self, job: Job, fields: Fields, files: Files) -> SentMessage:
        """Edit the message by the bot's own token."""
        assert job.reply.message_id is not None
        channel = channel_of(self._client, job)
        message = channel.get_partial_message(job.reply.message_id)
        edited = await message.edit(attachments=files, **fields)
        return SentMessage("bot", edited.id, channel.id, edited.edited_at)

    async def _by_dm(self, job: Job, search: bool, fields: Fields, files: Files) -> SentMessage:
        """Send it to the user; with `search`, only if their DMs do not have it yet."""
        dm = await self._client.create_dm(discord.Object(job.user_id))
        message = await self._send_once(dm, job, search, fields, files)
        return SentMessage("dm", message.id, dm.id)

    async def _by_post(self, job: Job, search: bool, fields: Fields, files: Files) -> SentMessage:
        """Post it where the command was used; with `search`, only if it is not there yet."""
        channel = channel_of(self._client, job)
        message = await self._send_once(channel, job, search, fields, files)
        return SentMessage("post", message.id, channel.id)

    async def _send_once(
        self, place: discord.abc.Messageable, job: Job, search: bool, fields: Fields, files: Files
    ) -> discord.Message:
        if search and (message := await self._find(place, job)) is not None:
            return message
        given = {name: value for name, value in fields.items() if value}
        return await place.send(files=files, nonce=_nonce(job), **given)

    async def _find(self, place: discord.abc.Messageable, job: Job) -> discord.Message | None:
        """The message with this final state that an earlier try sent, if there is one."""
        assert self._client.user is not None
        async for message in place.history(limit=HISTORY):
            # A response to a command, such as /show, is not a message of the delivery.
            was_sent = message.interaction_metadata is None
            is_ours = message.author.id == self._client.user.id  # members can write the same words
            if was_sent and is_ours and _shows_final_state(message, job):
                return message
        return None


def _has_result_to_show(job: Job) -> bool:
    """Whether its member waits for what it shows; who cancelled or deleted it misses nothing."""
    by_another = job.cancelled_by is not None
    has_ended = job.state in {JobState.DONE, JobState.FAILED} or bool(job.versions) or by_another
    return has_ended and job.pictures_deleted_at is None


def _nonce(job: Job) -> str:
    """The nonce by which Discord recognizes a repeated post: job and revision.

    A job that was retried ends once more, in another revision.
    """
    return f"atelier-{job.id}-{job.revision}"[-NONCE_LIMIT:]


def _shows_final_state(message: discord.Message, job: Job) -> bool:
    """Whether a message shows how a job ended, and not how it ended before it was retried."""
    words = "\n".join([message.content, *texts_in(message)])
    headline = end_words(texts_for(job.reply.locale), job, None)[0]
    if headline not in words or not re.search(rf"#{job.id}\b", words):
        return False
    return job.failure is None or job.failure.error_id in words
