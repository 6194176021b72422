"""The messages of galleries: found again after the bot's end, and taken out."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import discord
from discord import ui

from bot.cards.job_buttons import Action
from bot.kit import Bot, Feature, Service
from bot.ui.components import custom_id
from bot.wire.faults import MessageGone, NoAccess, fault_of
from common.logs import log_ids
from jobs.changing.gallery import GalleryPost
from jobs.outcomes import QueueError

log = logging.getLogger(__name__)

LOOK_SECONDS = 60.0
SEARCHED = 200
"""The newest messages of a gallery, among which one is looked for that was not noted."""


class GalleryKeeper(Service):
    """Takes pictures out of galleries, and notes where those stand that an end of the bot left.

    Between a post and the note of it the bot may end, or its database may be away. Discord knows
    the post by its nonce for some minutes only, so it is looked for in the gallery.
    """

    def __init__(self, client: Bot) -> None:
        super().__init__(client)
        self._at_work: set[tuple[int, int]] = set()

    @contextmanager
    def at_work(self, job_id: int, guild_id: int) -> Iterator[None]:
        """Leave a post alone that is being made, or taken out, in this very process."""
        self._at_work.add((job_id, guild_id))
        try:
            yield
        finally:
            self._at_work.discard((job_id, guild_id))

    async def start(self) -> None:
        """Begin to look for what was left."""
        self._run_beside(self._run(), "galleries")

    async def _run(self) -> None:
        await self._client.wait_until_ready()  # the servers are known then
        while True:
            try:
                await self.settle()
                await self._take_out_what_stayed()
            except QueueError as error:
                log.info("The galleries have to wait: %s", error)
            except Exception:
                log.exception("Error in looking after the galleries")
            await asyncio.sleep(LOOK_SECONDS)

    async def settle(self, job_id: int | None = None) -> None:
        """Find out of one picture, or all, whether what was begun with it came about."""
        for post in await self._client.queue.gallery.left_behind(job_id):
            if self._may_look(post):
                with log_ids(job=post.job_id, server=post.guild_id):
                    await self._settle(post)

    def _may_look(self, post: GalleryPost) -> bool:
        """Whether the bot is where a post is, and is not at work on it."""
        guild = self._client.get_guild(post.guild_id)
        is_there = guild is not None and not guild.unavailable
        return is_there and (post.job_id, post.guild_id) not in self._at_work

    async def _settle(self, post: GalleryPost) -> None:
        queue = self._client.queue
        try:
            message = await self._find(post)
        except (discord.DiscordException, OSError) as error:
            fault = fault_of(error)
            if not isinstance(fault, MessageGone | NoAccess):
                log.info("Whether job %d is in the gallery is asked later: %s", post.job_id, fault)
                return
            message = None  # the bot cannot see it, nor take it out
        if message is None:
            await queue.gallery.forget(post.job_id, post.guild_id)
            return
        log.info("Job %d was found in the gallery", post.job_id)
        await queue.gallery.posted(post.job_id, post.guild_id, message.id)
        job = await queue.jobs.get(post.job_id)
        if job is None or job.pictures_deleted_at is not None:  # deleted before it was found
            await self.take_out_of(post.job_id, post.guild_id)

    async def _find(self, post: GalleryPost) -> discord.Message | None:
        """The message of a picture, by the button that hands on its style."""
        assert self._client.user is not None
        button = custom_id("job", Action.SAME_STYLE, post.job_id)
        channel = self._client.get_partial_messageable(post.channel_id, guild_id=post.guild_id)
        async for message in channel.history(limit=SEARCHED):
            if message.author.id == self._client.user.id and button in _buttons_of(message):
                return message
        return None

    async def take_out(self, job_id: int) -> list[GalleryPost]:
        """Delete what the galleries of all servers show of a picture; what stays there for now."""
        await self.settle(job_id)
        for guild_id in await self._client.queue.gallery.servers_of(job_id):
            await self.take_out_of(job_id, guild_id)
        return await self._client.queue.gallery.left_of_deleted(job_id)

    async def _take_out_what_stayed(self) -> None:
        """Try once more to delete what stands there of pictures that were just deleted."""
        for post in await self._client.queue.gallery.left_of_deleted():
            if self._may_look(post):
                await self.take_out_of(post.job_id, post.guild_id)

    async def take_out_of(self, job_id: int, guild_id: int) -> bool:
        """Delete what a server's gallery shows of a picture; whether it is out of it.

        Where somebody else deleted it before, unheard by the bot, it is not to come back.
        """
        with self.at_work(job_id, guild_id):
            return await self._take_out_of(job_id, guild_id)

    async def _take_out_of(self, job_id: int, guild_id: int) -> bool:
        gallery = self._client.queue.gallery
        # Before the message goes, which the bot hears of.
        post = await gallery.begin_taking_out(job_id, guild_id)
        if post is None or post.message_id is None:
            return post is None
        channel = self._client.get_partial_messageable(post.channel_id, guild_id=post.guild_id)
        try:
            await channel.get_partial_message(post.message_id).delete()
        except (discord.DiscordException, OSError) as error:
            if not isinstance(fault_of(error), MessageGone):
                with log_ids(job=job_id, server=post.guild_id):
                    log.info("Job %d cannot be taken out of the gallery: %s", job_id, error)
                await gallery.posted(job_id, guild_id, post.message_id)
                return False
            await gallery.keep_out(job_id, guild_id)
        else:
            await gallery.forget(job_id, guild_id)
        return True


def _buttons_of(message: discord.Message) -> list[str | None]:
    items = ui.LayoutView.from_message(message).walk_children()
    return [item.custom_id for item in items if isinstance(item, ui.Button)]


FEATURE = Feature(services=(GalleryKeeper,))
