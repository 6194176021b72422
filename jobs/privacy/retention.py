"""Retention: deletes what was kept long enough and what nobody needs."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from common.options import PaintInputs
from jobs import picture_sizes
from jobs.core import DAY_SECONDS, QueuePart, change_job, job_of, record_event, row_of, used_keys
from jobs.db import schema
from jobs.db.database import CHANGED_TOPIC, Row, Transaction
from jobs.db.facts import seconds_since
from jobs.db.rows import J, answered_by, job_from_row, json_object, lenient, to_json
from jobs.management.audit import write_act_on
from jobs.management.installation import RESTORED_AT
from jobs.model import ENDED, Job, JobState, Reply
from jobs.submission.limits import changes_from_json, tightened

GRACE_SECONDS = 3600.0
"""Files written within this time are kept: a job may not have been queued yet."""
UNDELIVERED_EXTRA_DAYS = 7
"""Pictures that could not be delivered are kept this much longer."""
ROWS_KEPT_DAYS = 400
"""How long rows of ended jobs are kept, for history and statistics."""
UNDO_SECONDS = 600.0
"""How long a deletion can be undone, and the files are kept."""
DELETING_SECONDS = 60.0
"""How long the bot may take to delete the message of a deleted picture."""
_BATCH = 500
TOKEN_SECONDS = 900.0
"""How long an interaction's token works, and how long it is kept after the delivery."""
_HELD = '"interaction_token":"'
_DROPPED = '"interaction_token":""'


def message_removed_first(job: Job) -> bool:
    """Whether the message was deleted in Discord before the picture was deleted."""
    removed_at, deleted_at = job.message_removed_at, job.pictures_deleted_at
    if removed_at is None or deleted_at is None:
        return False
    return removed_at < deleted_at - timedelta(seconds=UNDO_SECONDS)


@dataclass(frozen=True, slots=True)
class GcCounts:
    """Numbers of what garbage collection deleted."""

    expired_jobs: int
    """Jobs whose retention had ended."""
    files: int
    bytes: int
    rows: int


class Retention(QueuePart):
    """Deletes pictures on request, at the end of their retention, and when unreferenced."""

    async def bytes_of(self, user_id: int) -> int:
        """Size of a user's stored pictures, saved styles included."""
        uses, styles = schema.picture_uses.c, schema.user_styles.c
        of_jobs = (
            sa.select(uses.key).join(schema.jobs, J.id == uses.job_id).where(J.user_id == user_id)
        )
        of_styles = sa.select(styles.picture_key).where(styles.by_user == user_id)
        keys = await self._database.scalars(sa.union(of_jobs, of_styles))
        return await picture_sizes.total_bytes(self._database, self._core.store, keys)

    async def delete_soon(self, job_id: int, by_user_id: int) -> Job | None:
        """Delete an ended job's pictures, uploads included, in ten minutes.

        The job reads as deleted at once; `restore` undoes that. Pictures that other jobs need stay.

        Args:
            job_id: The job.
            by_user_id: Who deletes them; the caller checks the permission.

        Returns:
            The job as it now reads; None if there is no such ended job.
        """
        async with self._database.write() as transaction:
            row = await row_of(transaction, job_id)
            if row is None or row.state not in ENDED:
                return None
            if row.pictures_deleted_at is None and row.delete_after is None:
                later = transaction.now + UNDO_SECONDS
                await change_job(transaction, job_id, delete_after=later, revision=J.revision + 1)
                await record_event(transaction, job_id, "deleted", f"user:{by_user_id}")
                if row.user_id != by_user_id:
                    await write_act_on(transaction, row, by_user_id, "delete_picture")
                await transaction.notify(CHANGED_TOPIC)
            return await job_of(transaction, job_id)

    async def restore(self, job_id: int, by_user_id: int, reply: Reply) -> Job | None:
        """Undo a deletion, and show the picture again in another message.

        Args:
            job_id: A job deleted by `delete_soon`.
            by_user_id: Who undoes it; the caller checks the permission.
            reply: Where to show it, as its message is gone. If the message had been deleted in
                Discord before, that mark stays.

        Returns:
            The job; None if it is deleted for good, or somebody else deleted it.
        """
        async with self._database.write() as transaction:
            row = await row_of(transaction, job_id)
            if row is None or row.delete_after is None or row.delete_after <= transaction.now:
                return None
            if await transaction.scalar(_deleted_by(job_id)) != f"user:{by_user_id}":
                return None
            stays = message_removed_first(job_from_row(row))
            # Access rights follow the channel in which it is public.
            place = {} if reply.ephemeral else {"channel_id": reply.channel_id}
            await change_job(
                transaction,
                job_id,
                delete_after=None,
                target=to_json(reply),
                message_id=reply.message_id,
                message_channel_id=reply.channel_id,
                **place,
                message_removed_at=row.message_removed_at if stays else None,
                delivered_at=None,
                delivered_how=None,
                delivery_attempts=0,
                shown_revision=0,
                notified_at=transaction.now,  # whoever undoes it sees it
                revision=J.revision + 1,
            )
            await record_event(transaction, job_id, "restored", f"user:{by_user_id}")
            if row.user_id != by_user_id:
                await write_act_on(transaction, row, by_user_id, "undo_delete_picture")
            await transaction.notify(CHANGED_TOPIC)
            return await job_of(transaction, job_id)

    async def may_restore(self, job_id: int, by_user_id: int) -> bool:
        """Whether this user deleted the job's pictures and can still undo that."""
        async with self._database.read_now() as (connection, now):
            after = await connection.scalar(sa.select(J.delete_after).where(J.id == job_id))
            who = await connection.scalar(_deleted_by(job_id))
        return after is not None and after > now and who == f"user:{by_user_id}"

    async def left_shown(self, application_id: int = 0) -> list[Job]:
        """Jobs deleted a while ago that still have a message, as far as is known.

        With an application's ID, jobs of other applications are left out.
        """
        async with self._database.read_now() as (connection, now):
            left = sa.select(schema.jobs).where(
                J.delete_after < now + UNDO_SECONDS - DELETING_SECONDS,
                J.message_id.is_not(None),
                J.message_removed_at.is_(None),
                answered_by(application_id),
            )
            return [job_from_row(row) for row in await connection.execute(left)]

    async def finish_deleting(self) -> int:
        """Delete for good what can no longer be undone; returns the number of jobs.

        Call it regularly.
        """
        due = sa.select(J.id).where(J.delete_after.is_not(None))
        now = await self._database.now()
        ids = await self._database.scalars(due.where(J.delete_after <= now).limit(_BATCH))
        for job_id in ids:
            async with self._database.write() as transaction:
                row = await row_of(transaction, job_id)
                if row is None or row.delete_after is None or row.delete_after > transaction.now:
                    continue
                keys = await drop_pictures(transaction, row)
                await record_event(transaction, job_id, "pictures_deleted", "queue")
            await self._core.discard(keys)
        return len(ids)

    async def gc(self) -> GcCounts:
        """Garbage collection: delete what was kept long enough and unreferenced files.

        It may be interrupted at any point; concurrent runs are safe.
        """
        if await self._was_just_restored():
            return GcCounts(0, 0, 0, 0)
        await self.finish_deleting()
        expired = await self._expire()
        rows = await self._old_rows()
        stored = await asyncio.to_thread(lambda: list(self._core.store.walk_sync()))
        now = await self._database.now()
        old = [picture for picture in stored if picture.modified_at < now - GRACE_SECONDS]
        files, size = 0, 0
        for first in range(0, len(old), _BATCH):
            some = {picture.key: picture for picture in old[first : first + _BATCH]}
            for picture in [some[key] for key in sorted(await self.unused(some))]:
                if await self._core.delete_unused(picture.key, GRACE_SECONDS):
                    files += 1
                    size += picture.size_bytes
        return GcCounts(expired, files, size, rows)

    async def forget_tokens(self, since: float = 0.0) -> float:
        """Remove expired interaction tokens of delivered jobs.

        Args:
            since: result of an earlier call; jobs delivered before that are skipped.

        Returns:
            The time up to which it is done, in seconds since 1970.
        """
        until = await self._database.now() - TOKEN_SECONDS
        ended = sa.select(J.id, J.target).where(
            J.delivered_at > since,
            J.delivered_at <= until,
            J.target.contains(_HELD),
            ~J.target.contains(_DROPPED),
        )
        async for rows in self._in_batches(ended):
            ids = [row.id for row in rows]
            async with self._database.write(durable=False) as transaction:
                # Read again: an undone deletion may have brought a new token.
                still = ended.where(J.id.in_(ids)).with_for_update()
                for row in await transaction.all(still):
                    target = json_object(row.target) | {"interaction_token": ""}
                    plain = json.dumps(target, separators=(",", ":"))
                    await change_job(transaction, row.id, target=plain)
        return until

    async def unused(self, keys: Collection[str]) -> set[str]:
        """The pictures among these that are not referenced."""
        async with self._database.read() as connection:
            return set(keys) - await used_keys(connection, keys)

    async def _was_just_restored(self) -> bool:
        """Whether the database was restored recently, so that its rows may lack references."""
        async with self._database.read_now() as (connection, now):
            seconds = await seconds_since(connection, RESTORED_AT, now)
        return seconds is not None and seconds < DAY_SECONDS

    async def _expire(self) -> int:
        """Delete the pictures of jobs that are older than their server's retention."""
        operator = self._core.settings.limits
        now = await self._database.now()
        days = {
            row.guild_id: tightened(operator, changes_from_json(row.changes)).retention_days
            for row in await self._database.all(sa.select(schema.guild_limits))
        }
        shortest = min([operator.retention_days, *days.values()])
        expired = 0
        statement = sa.select(J.id, J.guild_id, J.ended_at, J.delivered_at).where(
            J.pictures_deleted_at.is_(None), J.ended_at < now - shortest * DAY_SECONDS
        )
        async for rows in self._in_batches(statement):
            for row in rows:
                kept = days.get(row.guild_id, operator.retention_days)
                if row.delivered_at is None:
                    kept += UNDELIVERED_EXTRA_DAYS
                if row.ended_at < now - kept * DAY_SECONDS:
                    await self._expire_one(row.id)
                    expired += 1
        return expired

    async def _in_batches(self, jobs: sa.Select[Any]) -> AsyncIterator[Sequence[Row]]:
        """Rows of jobs in batches, by ID; each batch is read when it is needed."""
        last = 0
        while rows := await self._database.all(
            jobs.where(J.id > last).order_by(J.id).limit(_BATCH)
        ):
            yield rows
            last = rows[-1].id

    async def _expire_one(self, job_id: int) -> None:
        async with self._database.write() as transaction:
            row = await row_of(transaction, job_id)
            if row is not None and row.state in ENDED:
                await drop_pictures(transaction, row)
                await record_event(transaction, job_id, "pictures_expired", "queue")

    async def _old_rows(self) -> int:
        """Delete obsolete rows: old jobs, closed intakes, engines long gone."""
        async with self._database.write() as transaction:
            day_ago = transaction.now - DAY_SECONDS
            kept_from = transaction.now - ROWS_KEPT_DAYS * DAY_SECONDS
            intakes, engines = schema.intakes.c, schema.engines.c
            deletions = (
                sa.delete(schema.jobs).where(J.ended_at < kept_from),
                sa.delete(schema.jobs).where(J.erased_at < day_ago),
                sa.delete(schema.intakes).where(intakes.created_at < day_ago),
                sa.delete(schema.engines).where(engines.last_seen < day_ago),
                sa.delete(schema.blocked_users).where(schema.blocked_users.c.until < day_ago),
                sa.delete(schema.cleared_jobs).where(schema.cleared_jobs.c.at < day_ago),
                sa.delete(schema.audit).where(schema.audit.c.at < kept_from),
                picture_sizes.unused_sizes_deletion(),
            )
            count = 0
            for deletion in deletions:
                count += (await transaction.execute(deletion)).rowcount
        return count


def _deleted_by(job_id: int) -> sa.Select[Any]:
    """A query for the actor who last deleted a job's pictures."""
    events = schema.events.c
    of_job = sa.select(events.actor).where(events.job_id == job_id, events.kind == "deleted")
    return of_job.order_by(events.id.desc()).limit(1)


async def drop_pictures(transaction: Transaction, row: Row) -> list[str]:
    """Remove all references of an ended job to pictures, and what was said to be seen on them.

    Returns:
        The keys of the pictures.
    """
    uses = schema.picture_uses
    keys = await transaction.scalars(
        sa.delete(uses).where(uses.c.job_id == row.id).returning(uses.c.key)
    )
    await transaction.execute(
        sa.update(schema.jobs)
        .where(J.id == row.id, J.state != JobState.RUNNING)
        .values(
            preview_key=None,
            checkpoint_key=None,
            result_key=None,
            timelapse_key=None,
            pictures_deleted_at=transaction.now,
            delete_after=None,
            revision=J.revision + 1,
            **await _without_alt_texts(transaction, row.id),
        )
    )
    return list(keys)


async def _without_alt_texts(transaction: Transaction, job_id: int) -> dict[str, str]:
    """The columns of a job that have alt texts, as they are without."""
    row = await row_of(transaction, job_id)
    inputs = None if row is None else lenient(PaintInputs, row.inputs)
    reply = None if row is None else lenient(Reply, row.target)
    columns: dict[str, str] = {}
    if inputs is not None and inputs.alt_texts:
        columns["inputs"] = to_json(inputs.model_copy(update={"alt_texts": ()}))
    if reply is not None and reply.alt_text:
        columns["target"] = to_json(replace(reply, alt_text=""))
    return columns
