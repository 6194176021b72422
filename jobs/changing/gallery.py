"""Which pictures stand in the galleries of servers."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from jobs.core import QueuePart
from jobs.db import schema
from jobs.db.rows import J, from_row

TAKEN_OUT = 0
"""In the place of a message's id: somebody who moderates the channel deleted it."""
POSTING_SECONDS = 60.0
"""What was begun longer ago may have been left behind by a bot that ended."""
G = schema.gallery_posts.c


@dataclass(frozen=True, slots=True)
class GalleryPost:
    """A picture in a gallery."""

    job_id: int
    guild_id: int
    channel_id: int
    message_id: int | None
    """None while it is being posted; `TAKEN_OUT`: it is not to come back."""

    @property
    def address(self) -> str:
        """Where its message is, for somebody to go to."""
        return f"https://discord.com/channels/{self.guild_id}/{self.channel_id}/{self.message_id}"


class Gallery(QueuePart):
    """Notes which pictures are posted: each once in a server, to be taken out again.

    What is done in one server's gallery, and by its moderators, is nothing to another's.
    """

    async def of(self, job_id: int, guild_id: int) -> GalleryPost | None:
        """Where a picture is posted in a server, if it is."""
        row = await self._database.one_or_none(_post_of(job_id, guild_id))
        return None if row is None else from_row(GalleryPost, row)

    async def servers_of(self, job_id: int) -> list[int]:
        """The servers in whose galleries a picture was posted."""
        posts = sa.select(G.guild_id).where(G.job_id == job_id).order_by(G.at)
        return list(await self._database.scalars(posts))

    async def claim(self, job_id: int, guild_id: int, channel_id: int) -> GalleryPost | None:
        """Begin to post a picture. What stands in the way, if it was posted or is being."""
        async with self._database.write() as transaction:
            await transaction.lock(f"atelier-gallery:{job_id}")
            row = await transaction.one_or_none(_post_of(job_id, guild_id))
            if row is not None:
                return from_row(GalleryPost, row)
            same = {"job_id": job_id, "guild_id": guild_id}
            await transaction.replace(
                schema.gallery_posts, same, channel_id=channel_id, at=transaction.now
            )
        return None

    async def left_behind(self, job_id: int | None = None) -> list[GalleryPost]:
        """What was begun a while ago and not brought to an end, of one picture or of all.

        Whether its message stands there is for the bot to find out, and to note by `posted` or
        `forget`.
        """
        its = () if job_id is None else (G.job_id == job_id,)
        async with self._database.read_now() as (connection, now):
            begun = sa.select(schema.gallery_posts).where(
                G.message_id.is_(None), G.at < now - POSTING_SECONDS, *its
            )
            return [from_row(GalleryPost, row) for row in await connection.execute(begun)]

    async def left_of_deleted(self, job_id: int | None = None) -> list[GalleryPost]:
        """What stands yet of a picture that somebody has deleted, or of all, for ten minutes.

        Discord may refuse at that moment to delete the message, which is then tried again.
        """
        its = () if job_id is None else (G.job_id == job_id,)
        stands = sa.and_(G.message_id.is_not(None), G.message_id != TAKEN_OUT, *its)
        posts = sa.select(schema.gallery_posts).join(schema.jobs, J.id == G.job_id)
        rows = await self._database.all(posts.where(stands, J.delete_after.is_not(None)))
        return [from_row(GalleryPost, row) for row in rows]

    async def posted(self, job_id: int, guild_id: int, message_id: int) -> None:
        """Note the message."""
        post = sa.update(schema.gallery_posts).where(*_is(job_id, guild_id))
        await self._database.execute(post.values(message_id=message_id))

    async def begin_taking_out(self, job_id: int, guild_id: int) -> GalleryPost | None:
        """Let nobody post a picture whose message is about to be deleted; None where none stands.

        One that is just being posted is returned without a message, and left alone. Else to be
        followed by `forget`, by `posted` where the message stays, or by `keep_out`.
        """
        async with self._database.write() as transaction:
            await transaction.lock(f"atelier-gallery:{job_id}")
            row = await transaction.one_or_none(_post_of(job_id, guild_id))
            if row is None or row.message_id == TAKEN_OUT:
                return None
            post = from_row(GalleryPost, row)
            if post.message_id is None:
                return post
            await transaction.execute(
                sa.update(schema.gallery_posts)
                .where(*_is(job_id, guild_id))
                .values(message_id=None, at=transaction.now)
            )
        return post

    async def keep_out(self, job_id: int, guild_id: int) -> None:
        """Note that somebody deleted the message of a picture, which is not to come back."""
        await self.posted(job_id, guild_id, TAKEN_OUT)

    async def forget(self, job_id: int, guild_id: int) -> None:
        """Let a picture not be in a server's gallery."""
        post = sa.delete(schema.gallery_posts).where(*_is(job_id, guild_id))
        await self._database.execute(post)

    async def mark_taken_out(self, message_ids: Collection[int]) -> int:
        """Note that somebody deleted these messages in Discord; how many were in a gallery."""
        ours = G.message_id.in_(message_ids)
        if not await self._database.scalars(sa.select(G.job_id).where(ours).limit(1)):
            return 0
        return await self._database.execute(
            sa.update(schema.gallery_posts).where(ours).values(message_id=TAKEN_OUT)
        )


def _post_of(job_id: int, guild_id: int) -> sa.Select[Any]:
    return sa.select(schema.gallery_posts).where(*_is(job_id, guild_id))


def _is(job_id: int, guild_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    return G.job_id == job_id, G.guild_id == guild_id
