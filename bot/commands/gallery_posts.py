"""Gallery posts: found again after a crash, and removed."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from weakref import WeakValueDictionary

import discord
from discord import ui

from bot.cards.job_buttons import Action
from bot.kit import DISCORD_FAILED, Bot, Feature, Service
from bot.ui.components import custom_id
from bot.wire.faults import MessageGone, NoAccess, fault_of
from bot.wire.in_flight import track_requests
from bot.wire.original_response import with_retries
from common.logs import log_ids
from jobs.management.gallery import GalleryPost

log = logging.getLogger(__name__)

LOOK_SECONDS = 60.0
SEARCHED = 200
"""The newest messages of a gallery that are searched for a post that was not recorded."""
AROUND = timedelta(hours=1)
"""All messages from this long before its beginning to this long after it are searched as well."""

REMOVAL_TRIES = 1


class GalleryKeeper(Service):
    """Removes pictures from galleries, and records posts that a crash left unrecorded.

    The bot may stop, or its database fail, between a post and its record. Discord recognizes the
    post's nonce for a few minutes only, so the post is searched for in the gallery.
    """

    def __init__(self, client: Bot) -> None:
        super().__init__(client)
        self._at_work: set[tuple[int, int]] = set()
        self._removals: WeakValueDictionary[tuple[int, int], asyncio.Lock] = WeakValueDictionary()

    @contextmanager
    def at_work(self, job_id: int, guild_id: int) -> Iterator[None]:
        """Keep the background task away from a post that this process is making or removing."""
        self._at_work.add((job_id, guild_id))
        try:
            yield
        finally:
            self._at_work.discard((job_id, guild_id))

    async def start(self) -> None:
        """Start polling."""
        self._run_every(LOOK_SECONDS, "galleries", self._catch_up, when_ready=True)

    async def _catch_up(self) -> None:
        """Settle what was begun, and delete what was to be deleted."""
        await self.settle()
        for post in await self._client.queue.gallery.of_deleted_pictures():
            if self._may_look(post):
                await self.take_out_of(post.job_id, post.guild_id)

    async def settle(self, job_id: int | None = None) -> None:
        """Find out whether posts that were begun exist: of one job, or of all."""
        for post in await self._client.queue.gallery.unfinished(job_id):
            if self._may_look(post):
                with log_ids(job=post.job_id, server=post.guild_id):
                    await self._settle(post)

    def _may_look(self, post: GalleryPost) -> bool:
        """Whether the bot is in the post's server, and is not making or removing the post."""
        guild = self._client.get_guild(post.guild_id)
        is_there = guild is not None and not guild.unavailable
        return is_there and (post.job_id, post.guild_id) not in self._at_work

    async def _settle(self, post: GalleryPost) -> None:
        queue = self._client.queue
        try:
            message = await self._find(post)
        except DISCORD_FAILED as error:
            fault = fault_of(error)
            if not isinstance(fault, MessageGone | NoAccess):
                log.info("Whether job %d is in the gallery is asked later: %s", post.job_id, fault)
                return
            message = None  # the bot can neither see nor delete it
        if message is None:
            await queue.gallery.forget(post.job_id, post.guild_id)
            return
        log.info("Job %d was found in the gallery", post.job_id)
        await queue.gallery.posted(post.job_id, post.guild_id, message.id)
        job = await queue.jobs.get(post.job_id)
        if job is None or job.pictures_deleted_at is not None:  # deleted before the post was found
            await self.take_out_of(post.job_id, post.guild_id)

    async def _find(self, post: GalleryPost) -> discord.Message | None:
        """The message of a picture: the one that was being removed, or by its button."""
        channel = self._client.get_partial_messageable(post.channel_id, guild_id=post.guild_id)
        if post.removing_id is not None:
            return await channel.fetch_message(post.removing_id)
        async for message in channel.history(limit=SEARCHED):
            if self._is_of(message, post):
                return message
        async for message in channel.history(limit=None, after=post.at - AROUND):
            if message.created_at > post.at + AROUND:
                break
            if self._is_of(message, post):
                return message
        return None

    def _is_of(self, message: discord.Message, post: GalleryPost) -> bool:
        assert self._client.user is not None
        button = custom_id("job", Action.SAME_STYLE, post.job_id)
        return message.author.id == self._client.user.id and button in _buttons_of(message)

    async def take_out(self, job_id: int) -> list[GalleryPost]:
        """Delete a picture's posts in all servers; returns those that cannot be deleted yet."""
        await self.settle(job_id)
        for guild_id in await self._client.queue.gallery.servers_of(job_id):
            await self.take_out_of(job_id, guild_id)
        return await self._client.queue.gallery.of_deleted_pictures(job_id)

    async def take_out_of(self, job_id: int, guild_id: int) -> bool:
        """Delete a picture's post from one server; returns whether it is gone.

        If somebody else deleted the message while the bot was away, it is not to be posted again.
        """
        removal = self._removals.setdefault((job_id, guild_id), asyncio.Lock())
        async with removal:  # a second press of the button waits for the first
            with self.at_work(job_id, guild_id):
                return await self._take_out_of(job_id, guild_id)

    async def _take_out_of(self, job_id: int, guild_id: int) -> bool:
        gallery = self._client.queue.gallery
        # Recorded first, as the bot receives an event for the deletion.
        post = await gallery.begin_taking_out(job_id, guild_id)
        if post is None or post.message_id is None:
            return post is None
        channel = self._client.get_partial_messageable(post.channel_id, guild_id=post.guild_id)
        requests = track_requests()
        try:
            await with_retries(channel.get_partial_message(post.message_id).delete, REMOVAL_TRIES)
        except DISCORD_FAILED as error:
            if not isinstance(fault_of(error), MessageGone):
                with log_ids(job=job_id, server=post.guild_id):
                    log.info("Job %d cannot be taken out of the gallery: %s", job_id, error)
                await gallery.posted(job_id, guild_id, post.message_id)
                return False
            if not requests.is_lost:  # else it was deleted here, and the response was lost
                await gallery.keep_out(job_id, guild_id)
                return True
        await gallery.forget(job_id, guild_id)
        return True


def _buttons_of(message: discord.Message) -> list[str | None]:
    items = ui.LayoutView.from_message(message).walk_children()
    return [item.custom_id for item in items if isinstance(item, ui.Button)]


FEATURE = Feature(services=(GalleryKeeper,))
