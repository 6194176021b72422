"""What users have not been shown yet, and what they have.

Delivery is at least once: a job is returned by `due` until it is marked as delivered. The bot makes
it exactly once to the eye: it edits one message, and gives posts a nonce of job ID and revision.
"""

from collections.abc import Collection
from dataclasses import replace
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from jobs.core import QueuePart, change_job, record_event, row_of
from jobs.db import schema
from jobs.db.database import Transaction
from jobs.db.rows import HAS_ENDED, J, answered_by, job_from_row, to_json
from jobs.model import Job, JobState, Reply

_UNDELIVERABLE = "undeliverable: "
_TOLD = "told: "
ANNOUNCED_WITHIN_SECONDS = 600.0
"""After this time, a member is no longer notified that a picture is ready."""


@lru_cache(maxsize=4)  # asked at each change, and slow to make
def _due(limit: int, application_id: int) -> sa.Select[tuple[Any, ...]]:
    behind = sa.or_(J.revision > J.shown_revision, HAS_ENDED)
    return (
        sa.select(schema.jobs)
        .where(J.delivered_at.is_(None), behind, answered_by(application_id))
        .order_by(J.ended_at.is_(None), J.state != JobState.RUNNING.value, J.id)
        .limit(limit)
    )


class Deliveries(QueuePart):
    """Jobs to deliver, and the marks of what was delivered."""

    async def due(self, limit: int = 100, application_id: int = 0) -> list[Job]:
        """Jobs whose message is out of date: first the ended, then the running, then the oldest.

        With an application's ID, jobs of other applications are left out.
        """
        rows = await self._database.all(_due(limit, application_id))
        return [job_from_row(row) for row in rows]

    async def newest(self) -> int:
        """The ID of the newest job; 0 if there is none."""
        return (await self._database.scalars(sa.select(sa.func.max(J.id))))[0] or 0

    async def set_message(
        self, job_id: int, channel_id: int | None, message_id: int, *, reply: Reply | None = None
    ) -> None:
        """Record the message that shows the job.

        Args:
            job_id: Which job.
            channel_id: Of the message's channel.
            message_id: Of the message.
            reply: What it answered. Nothing is recorded if an undone deletion has given the job
                another reply since.
        """
        async with self._database.write() as transaction:
            if await _is_shown_elsewhere(transaction, job_id, reply):
                return
            where = {"message_channel_id": channel_id, "message_id": message_id}
            await change_job(transaction, job_id, **where)

    async def set_alt_text_and_spoiler(
        self, job_id: int, *, alt_text: str | None = None, spoiler: bool
    ) -> Job | None:
        """Set the alt text of a job's picture, and whether it is a spoiler.

        The member's own words replace those of the photographs, which may be wrong or too much.
        Without an alt text it stays as it is.

        Returns None if there is no such job, its pictures are deleted, or another version
        wrote it.
        """
        async with self._database.write() as transaction:
            row = await row_of(transaction, job_id)
            job = None if row is None else job_from_row(row)
            if job is None or job.unreadable is not None or job.pictures_deleted_at is not None:
                return None
            said = job.reply.alt_text if alt_text is None else alt_text
            reply = replace(job.reply, alt_text=said, spoiler=spoiler)
            job = replace(job, reply=reply)
            columns = {"target": to_json(reply)}
            if alt_text and job.inputs.alt_texts:
                job = replace(job, inputs=job.inputs.model_copy(update={"alt_texts": ()}))
                columns["inputs"] = to_json(job.inputs)
            await change_job(transaction, job_id, **columns)
        return job

    async def mark_removed(self, message_ids: Collection[int]) -> int:
        """Record that these messages were deleted in Discord; returns how many were of jobs.

        Most deleted messages are not ours, so it reads before it writes.
        """
        ours = sa.and_(J.message_id.in_(message_ids), J.message_removed_at.is_(None))
        if not await self._database.scalars(sa.select(J.id).where(ours).limit(1)):
            return 0
        async with self._database.write() as transaction:
            job_ids = await transaction.scalars(
                sa.update(schema.jobs)
                .where(ours)
                .values(message_removed_at=transaction.now)
                .returning(J.id)
            )
            for job_id in job_ids:
                await record_event(transaction, job_id, "message_removed", "discord")
        return len(job_ids)

    async def mark_shown(self, job_id: int, revision: int) -> None:
        """Record that the message shows this revision (or a later one)."""
        statement = (
            sa.update(schema.jobs)
            .where(J.id == job_id, J.shown_revision < revision, J.revision >= revision)
            .values(shown_revision=revision)
        )
        await self._database.execute(statement, durable=False)

    async def count_attempt(self, job_id: int) -> int:
        """Count an attempt to send the final message; returns the number of attempts."""
        async with self._database.write() as transaction:
            tries = await transaction.scalar(
                sa.update(schema.jobs)
                .where(J.id == job_id)
                .values(delivery_attempts=J.delivery_attempts + 1)
                .returning(J.delivery_attempts)
            )
            return int(tries or 0)

    async def mark_delivered(
        self,
        job_id: int,
        *,
        how: str,
        message_id: int | None = None,
        channel_id: int | None = None,
        announced: bool = False,
        revision: int | None = None,
    ) -> Job | None:
        """Mark a job as delivered; None if it was before, or another revision is to be shown.

        Args:
            job_id: The job.
            how: The route by which it was delivered.
            message_id: Of the message, if known.
            channel_id: Of its channel.
            announced: Whether the member needs no notification beside the message.
            revision: The job's revision that the message shows. A job that changed meanwhile is not
                marked: it was queued again and has ended differently, or its deletion was undone.
        """
        as_shown = sa.true() if revision is None else J.revision == revision
        async with self._database.write() as transaction:
            told_at = transaction.now if announced else None
            may_be = {
                "message_id": message_id,
                "message_channel_id": channel_id,
                "notified_at": told_at,
            }
            known = {name: value for name, value in may_be.items() if value is not None}
            row = await transaction.one_or_none(
                sa.update(schema.jobs)
                .where(J.id == job_id, J.delivered_at.is_(None), HAS_ENDED, as_shown)
                .values(
                    delivered_at=transaction.now,
                    delivered_how=how[:100],
                    shown_revision=J.revision,
                    **known,
                )
                .returning(schema.jobs)
            )
            if row is None:
                return None
            await record_event(transaction, job_id, "delivered", "bot", {"how": how})
        return job_from_row(row)

    async def mark_undeliverable(
        self, job_id: int, reason: str, *, revision: int | None = None
    ) -> bool:
        """Give up delivering, with the reason; the job itself is unchanged."""
        how = f"{_UNDELIVERABLE}{reason}"[:100]
        marked = await self.mark_delivered(job_id, how=how, announced=True, revision=revision)
        return marked is not None

    async def unannounced(self, application_id: int = 0) -> list[Job]:
        """Recently delivered jobs whose members have not been notified.

        With an application's ID, jobs of other applications are left out.
        """
        async with self._database.read_now() as (connection, now):
            lately = J.delivered_at > now - ANNOUNCED_WITHIN_SECONDS
            statement = sa.select(schema.jobs).where(
                lately, J.notified_at.is_(None), answered_by(application_id)
            )
            return [job_from_row(row) for row in await connection.execute(statement)]

    async def mark_announced(self, job_id: int, revision: int) -> None:
        """Record that the member was notified of this revision, or does not want to be.

        Nothing is recorded if the job has been queued again meanwhile: its next end is told anew.
        """
        async with self._database.write(durable=False) as transaction:
            await transaction.execute(
                sa.update(schema.jobs)
                .where(J.id == job_id, J.revision == revision, J.delivered_at.is_not(None))
                .values(notified_at=transaction.now)
            )

    async def undelivered(self, user_id: int, application_id: int = 0) -> list[int]:
        """IDs of a user's finished pictures that were not delivered, unless the user was told."""
        statement = sa.select(J.id).where(
            J.user_id == user_id,
            J.delivered_how.startswith(_UNDELIVERABLE),
            J.result_key.is_not(None),
            J.delete_after.is_(None),
            answered_by(application_id),
        )
        return list(await self._database.scalars(statement))

    async def mark_told(self, job_ids: Collection[int]) -> None:
        """Record that the user was told that these pictures could not be shown."""
        told = sa.func.replace(J.delivered_how, _UNDELIVERABLE, _TOLD)
        await self._database.execute(
            sa.update(schema.jobs).where(J.id.in_(job_ids)).values(delivered_how=told)
        )


async def _is_shown_elsewhere(transaction: Transaction, job_id: int, reply: Reply | None) -> bool:
    """Whether the job has another reply by now."""
    if reply is None:
        return False
    row = await row_of(transaction, job_id)
    now = None if row is None else job_from_row(row)
    return now is not None and now.reply.interaction_id != reply.interaction_id
