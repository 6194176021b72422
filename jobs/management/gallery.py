"""Which pictures are posted in the galleries of servers."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from jobs.core import QueuePart
from jobs.db import schema
from jobs.db.database import Row
from jobs.db.rows import J, from_row

TAKEN_OUT = 0
"""Message ID that marks a post as deleted by a moderator of the channel."""
POSTING_SECONDS = 60.0
"""A post begun longer ago than this may belong to a bot that died."""
G = schema.gallery_posts.c


@dataclass(frozen=True, slots=True)
class GalleryPost:
    """A picture in a gallery."""

    job_id: int
    guild_id: int
    channel_id: int
    message_id: int | None
    """None while it is being posted or removed; `TAKEN_OUT`: must not be posted again."""
    at: datetime
    """When that was begun."""
    removing_id: int | None = None
    """The message that is being removed."""

    @property
    def address(self) -> str:
        """Link to its message."""
        return f"https://discord.com/channels/{self.guild_id}/{self.channel_id}/{self.message_id}"


class Gallery(QueuePart):
    """Records which pictures are posted; each at most once per server.

    Servers are independent: what one's moderators do does not affect the others.
    """

    async def of(self, job_id: int, guild_id: int) -> GalleryPost | None:
        """A picture's post in a server, if any."""
        row = await self._database.one_or_none(_post_of(job_id, guild_id))
        return None if row is None else _from_row(row)

    async def servers_of(self, job_id: int) -> list[int]:
        """IDs of the servers in whose galleries a picture is or was posted."""
        posts = sa.select(G.guild_id).where(G.job_id == job_id).order_by(G.at)
        return list(await self._database.scalars(posts))

    async def claim(self, job_id: int, guild_id: int, channel_id: int) -> GalleryPost | None:
        """Begin to post a picture. Returns the existing post instead if there is one."""
        async with self._database.write() as transaction:
            await transaction.lock(f"atelier-gallery:{job_id}")
            row = await transaction.one_or_none(_post_of(job_id, guild_id))
            if row is not None:
                return _from_row(row)
            same = {"job_id": job_id, "guild_id": guild_id}
            await transaction.replace(
                schema.gallery_posts, same, channel_id=channel_id, at=transaction.now
            )
        return None

    async def unfinished(self, job_id: int | None) -> list[GalleryPost]:
        """Posts and removals begun a while ago and not completed, of one picture or of all.

        The bot finds out whether the message exists, and calls `posted` or `forget`.
        """
        its = () if job_id is None else (G.job_id == job_id,)
        async with self._database.read_now() as (connection, now):
            is_open = sa.or_(G.message_id.is_(None), G.message_id < 0)
            begun = sa.select(schema.gallery_posts).where(
                is_open, G.at < now - POSTING_SECONDS, *its
            )
            return [_from_row(row) for row in await connection.execute(begun)]

    async def of_deleted_pictures(self, job_id: int | None = None) -> list[GalleryPost]:
        """Posts of a deleted picture, or of all deleted ones, until they are deleted for good.

        Deleting the message may fail at first, and is then repeated.
        """
        its = () if job_id is None else (G.job_id == job_id,)
        stands = sa.and_(G.message_id > TAKEN_OUT, *its)
        posts = sa.select(schema.gallery_posts).join(schema.jobs, J.id == G.job_id)
        rows = await self._database.all(posts.where(stands, J.delete_after.is_not(None)))
        return [_from_row(row) for row in rows]

    async def posted(self, job_id: int, guild_id: int, message_id: int) -> None:
        """Record the message of a post."""
        post = sa.update(schema.gallery_posts).where(*_is(job_id, guild_id))
        await self._database.execute(post.values(message_id=message_id))

    async def begin_taking_out(self, job_id: int, guild_id: int) -> GalleryPost | None:
        """Mark a post whose message is about to be deleted; returns the post, or None.

        A post that is just being made or removed has no message, and is left alone. Otherwise call
        `forget` next, `posted` if the message stays, or `keep_out`.
        """
        async with self._database.write() as transaction:
            await transaction.lock(f"atelier-gallery:{job_id}")
            row = await transaction.one_or_none(_post_of(job_id, guild_id))
            if row is None or row.message_id == TAKEN_OUT:
                return None
            post = _from_row(row)
            if post.message_id is None:
                return post
            await transaction.execute(
                sa.update(schema.gallery_posts)
                .where(*_is(job_id, guild_id))
                .values(message_id=-row.message_id, at=transaction.now)
            )
        return post

    async def keep_out(self, job_id: int, guild_id: int) -> None:
        """Record that a moderator deleted a post, so that it is not posted again."""
        await self.posted(job_id, guild_id, TAKEN_OUT)

    async def forget(self, job_id: int, guild_id: int) -> None:
        """Remove a picture from a server's gallery."""
        post = sa.delete(schema.gallery_posts).where(*_is(job_id, guild_id))
        await self._database.execute(post)

    async def mark_taken_out(self, message_ids: Collection[int]) -> int:
        """Record that these messages were deleted in Discord; returns how many were posts."""
        ours = G.message_id.in_(message_ids)
        if not await self._database.scalars(sa.select(G.job_id).where(ours).limit(1)):
            return 0
        return await self._database.execute(
            sa.update(schema.gallery_posts).where(ours).values(message_id=TAKEN_OUT)
        )


def _post_of(job_id: int, guild_id: int) -> sa.Select[Any]:
    return sa.select(schema.gallery_posts).where(*_is(job_id, guild_id))


def _from_row(row: Row) -> GalleryPost:
    """A post; the message that is being removed is stored with a minus sign.

    So its deletion, when Discord tells of it, is not taken for a moderator's.
    """
    if row.message_id is None or row.message_id >= 0:
        return from_row(GalleryPost, row, removing_id=None)
    return from_row(GalleryPost, row, message_id=None, removing_id=-row.message_id)


def _is(job_id: int, guild_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    return G.job_id == job_id, G.guild_id == guild_id
