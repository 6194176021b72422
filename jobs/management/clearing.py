"""Clearing the queue, and undoing that."""

from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from jobs.core import EVERYWHERE, QueuePart, change_job, record_event
from jobs.db import schema
from jobs.db.database import CHANGED_TOPIC, QUEUED_TOPIC, Row, Transaction
from jobs.db.rows import IS_QUEUED, J, job_from_row, moment
from jobs.execution.job_log import log_end
from jobs.management.audit import amend_audit, write_audit
from jobs.management.cancelling import (
    actor_of,
    cancel_row,
    forget_clearing,
    lock_with_flow,
    requeue_values,
)
from jobs.model import Job, JobState
from jobs.outcomes import Cleared, ClearUndone, TooLateToUndo, UndoOutcome
from jobs.scheduling import fairness

UNDO_SECONDS = 600.0
_CLEAR, _UNDO = "clear", "undo_clear"


class Clearings(QueuePart):
    """Clears the queue. A server ID of None means all servers."""

    async def clear(self, guild_id: int | None, by_user_id: int) -> Cleared:
        """Cancel all waiting jobs; running ones continue. It can be undone for ten minutes.

        A clearing that was interrupted is continued, so that it can be undone as a whole.
        """
        place = guild_id or EVERYWHERE
        async with self._database.write() as transaction:
            began_at = transaction.now
            begun = await transaction.one_or_none(_broken_off(place, by_user_id, began_at))
            if begun is None:
                clear_id = await write_audit(transaction, place, by_user_id, _CLEAR)
            else:
                clear_id, began_at = begun.id, begun.at
            until = moment(began_at + UNDO_SECONDS)
        here = [] if guild_id is None else [J.guild_id == guild_id]
        # Last job first, so that no other job moves up before it is cancelled.
        statement = sa.select(J.id).where(IS_QUEUED, *here).order_by(J.start.desc(), J.id.desc())
        cancelled, dropped = list[Job](), list[str]()
        for job_id in await self._database.scalars(statement):
            async with self._database.write() as transaction:
                row = await lock_with_flow(transaction, job_id)
                if row is not None and row.state == JobState.QUEUED:
                    end = until.timestamp()
                    dropped += await cancel_row(transaction, row, by_user_id, back_until=end)
                    await _remember(transaction, clear_id, row)
                    cancelled.append(replace(job_from_row(row), ended_at=moment(transaction.now)))
        for job in cancelled:
            log_end(job, "cancelled")
        its = schema.cleared_jobs.c
        async with self._database.write() as transaction:
            cleared = sa.select(its.job_id).where(its.clear_id == clear_id).order_by(its.job_id)
            job_ids = await transaction.scalars(cleared)
            await amend_audit(transaction, clear_id, {"count": len(job_ids)})
        await self._core.discard_working(dropped)
        return Cleared(clear_id, tuple(job_ids), until)

    async def last(self, guild_id: int | None, by_user_id: int) -> Cleared | None:
        """The user's last clearing that can be undone, or None."""
        audit, cleared = schema.audit.c, schema.cleared_jobs.c
        async with self._database.read_now() as (connection, now):
            newest = (
                sa.select(audit.id, audit.at)
                .join(schema.cleared_jobs, cleared.clear_id == audit.id)
                .where(
                    audit.guild_id == (guild_id or EVERYWHERE),
                    audit.user_id == by_user_id,
                    audit.action == _CLEAR,
                    audit.at > now - UNDO_SECONDS,
                )
                .order_by(audit.id.desc())
                .limit(1)
            )
            found = (await connection.execute(newest)).one_or_none()
            if found is None:
                return None
            its = sa.select(cleared.job_id).where(cleared.clear_id == found.id)
            job_ids = await connection.scalars(its.order_by(cleared.job_id))
            return Cleared(found.id, tuple(job_ids), moment(found.at + UNDO_SECONDS))

    async def undo(self, clear_id: int, guild_id: int | None, by_user_id: int) -> UndoOutcome:
        """Queue the jobs of a clearing again, at their old places.

        Jobs that the same users queued meanwhile come after them. Jobs whose pictures were deleted
        since stay cancelled.
        """
        place = guild_id or EVERYWHERE
        audit, cleared = schema.audit.c, schema.cleared_jobs.c
        async with self._database.read_now() as (connection, now):
            cleared_at = await connection.scalar(
                sa.select(audit.at).where(
                    audit.id == clear_id, audit.guild_id == place, audit.action == _CLEAR
                )
            )
            in_order = (
                sa.select(cleared.job_id)
                .join(schema.jobs, J.id == cleared.job_id)
                .where(cleared.clear_id == clear_id)
                .order_by(J.flow, J.band, J.user_start, J.id)
            )
            job_ids = list(await connection.scalars(in_order))
        if cleared_at is None or now > cleared_at + UNDO_SECONDS:
            return TooLateToUndo()
        back = [job_id for job_id in job_ids if await self._put_back(job_id, clear_id, by_user_id)]
        await self._let_later_ones_follow(back, cleared_at)
        if back:
            async with self._database.write() as transaction:
                await write_audit(transaction, place, by_user_id, _UNDO, {"count": len(back)})
        return ClearUndone(tuple(back), len(job_ids) - len(back))

    async def _put_back(self, job_id: int, clear_id: int, by_user_id: int) -> bool:
        cleared = schema.cleared_jobs.c
        async with self._database.write() as transaction:
            row = await lock_with_flow(transaction, job_id)
            known = await transaction.one_or_none(
                sa.select(schema.cleared_jobs).where(
                    cleared.job_id == job_id, cleared.clear_id == clear_id
                )
            )
            if row is None or known is None or row.state != JobState.CANCELLED:
                return False
            await forget_clearing(transaction, job_id)
            if row.pictures_deleted_at is not None or row.delete_after is not None:
                await change_job(transaction, job_id, back_until=None)
                return False
            tags = await fairness.restore_tags(transaction, row, known.user_finish)
            again = requeue_values(row) | tags.columns
            await change_job(transaction, job_id, **again, counted=known.counted)
            details = {"clear": clear_id}
            await record_event(transaction, job_id, "put_back", actor_of(by_user_id), details)
            await transaction.notify(QUEUED_TOPIC, CHANGED_TOPIC)
        return True

    async def _let_later_ones_follow(self, put_back: list[int], since: float) -> None:
        """Move jobs that the same users queued since then behind those restored."""
        owners = sa.select(J.flow, J.user_id).where(J.id.in_(put_back))
        later = sa.and_(
            IS_QUEUED,
            J.created_at >= since,
            J.band != fairness.FRONT,
            J.id.not_in(put_back),
            sa.tuple_(J.flow, J.user_id).in_(owners),
        )
        for flow in await self._database.scalars(sa.select(J.flow).where(later).distinct()):
            async with self._database.write() as transaction:
                await transaction.lock(fairness.flow_lock(flow))
                found = sa.select(schema.jobs).where(later, J.flow == flow)
                locked = found.order_by(J.band.desc(), J.user_start.desc(), J.id.desc())
                rows = await transaction.all(locked.with_for_update())
                for row in rows:
                    await fairness.clear_tags(transaction, row)
                for row in sorted(rows, key=lambda row: row.id):
                    tags = await fairness.reassign_tags(transaction, row)
                    await change_job(transaction, row.id, **tags.columns)
                await transaction.notify(CHANGED_TOPIC)


def _broken_off(place: int, by_user_id: int, now: float) -> sa.Select[Any]:
    """A query for the audit entry of this user's recent clearing that was interrupted."""
    audit = schema.audit.c
    return (
        sa.select(audit.id, audit.at)
        .where(
            audit.guild_id == place,
            audit.user_id == by_user_id,
            audit.action == _CLEAR,
            audit.details == "{}",
            audit.at > now - UNDO_SECONDS,
        )
        .order_by(audit.id.desc())
        .limit(1)
    )


async def _remember(transaction: Transaction, clear_id: int, row: Row) -> None:
    """Record the values that cancelling changes."""
    await transaction.replace(
        schema.cleared_jobs,
        {"job_id": row.id},
        clear_id=clear_id,
        at=transaction.now,
        user_finish=row.user_finish,
        counted=row.counted,
    )
