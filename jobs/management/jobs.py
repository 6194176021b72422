"""Operations on jobs by ID: look up, cancel, retry, move to the front."""

from collections.abc import Collection
from dataclasses import replace

import sqlalchemy as sa

from jobs.core import QueuePart, change_job, job_of, record_event
from jobs.db import schema
from jobs.db.database import CHANGED_TOPIC, QUEUED_TOPIC
from jobs.db.rows import IS_QUEUED, J, event_from_row, job_from_row
from jobs.execution.ending import RETRIED
from jobs.execution.job_log import log_end
from jobs.management.audit import COMMAND_LINE, write_act_on
from jobs.management.cancelling import cancel_row, forget_clearing, lock_with_flow, requeue_values
from jobs.model import ENDED, Job, JobEvent, JobState
from jobs.outcomes import (
    AlreadyEnded,
    Cancelled,
    CancelOutcome,
    CancelRequested,
    NoSuchJob,
    NotYours,
)
from jobs.scheduling import fairness


class Jobs(QueuePart):
    """Reads and changes jobs."""

    async def get(self, job_id: int) -> Job | None:
        """The job, or None."""
        row = await self._database.one_or_none(sa.select(schema.jobs).where(J.id == job_id))
        return None if row is None else job_from_row(row)

    async def history(self, job_id: int) -> list[JobEvent]:
        """A job's history, oldest event first."""
        columns = schema.events.c
        statement = sa.select(schema.events).where(columns.job_id == job_id).order_by(columns.id)
        return [event_from_row(row) for row in await self._database.all(statement)]

    async def of_user(
        self,
        user_id: int,
        *,
        states: Collection[JobState] | None = None,
        limit: int = 25,
        before_id: int | None = None,
    ) -> list[Job]:
        """A user's jobs, newest first; for the next page, pass the last one's ID as `before_id`."""
        where = [J.user_id == user_id, J.erased_at.is_(None)]
        if states is not None:
            where.append(J.state.in_([state.value for state in states]))
        if before_id is not None:
            where.append(J.id < before_id)
        statement = sa.select(schema.jobs).where(*where).order_by(J.id.desc()).limit(limit)
        return [job_from_row(row) for row in await self._database.all(statement)]

    async def waiting_of(self, application_id: int) -> list[Job]:
        """Waiting jobs of an application in servers of which its bot is a member.

        Jobs of 0.1.0 do not say whether the bot was a member or only its commands were installed.
        """
        mine = sa.select(schema.jobs).where(
            IS_QUEUED,
            J.guild_id.is_not(None),
            J.application_id == application_id,
            J.target.contains('"only_commands":'),
        )
        found = [job_from_row(row) for row in await self._database.all(mine.order_by(J.id))]
        return [job for job in found if job.reply.bot_in_channel]

    async def cancel(
        self, job_id: int, by_user_id: int, *, by_admin: bool = False
    ) -> CancelOutcome:
        """Cancel a waiting job at once, or ask the engine of a running one to stop."""
        async with self._database.write() as transaction:
            row = await lock_with_flow(transaction, job_id)
            if row is None:
                return NoSuchJob()
            if row.user_id != by_user_id and not by_admin:
                return NotYours()
            dropped = await cancel_row(transaction, row, by_user_id)
            if row.user_id != by_user_id and row.state not in ENDED:
                await write_act_on(transaction, row, by_user_id, "remove")
            job = await job_of(transaction, job_id)
        await self._core.discard_working(dropped)
        if row.state == JobState.QUEUED:
            log_end(job, "cancelled")
            return Cancelled(job)
        return CancelRequested(job) if row.state == JobState.RUNNING else AlreadyEnded(job)

    async def remove(self, job_id: int, by_user_id: int = 0) -> CancelOutcome:
        """Cancel anybody's job, as an admin."""
        return await self.cancel(job_id, by_user_id, by_admin=True)

    async def retry(self, job_id: int) -> Job | None:
        """Queue a failed or cancelled job again for the operator, behind its user's other jobs.

        Its message is delivered again. None if the job has neither failed nor been cancelled, or
        its pictures have been deleted.
        """
        async with self._database.write() as transaction:
            row = await lock_with_flow(transaction, job_id)
            if row is None or row.state not in {JobState.FAILED, JobState.CANCELLED}:
                return None
            if row.pictures_deleted_at is not None or row.delete_after is not None:
                return None
            tags = await fairness.reassign_tags(transaction, row)
            fresh = {"failure": None, "attempts": 0, "deaths": 0, "started_at": None}
            await change_job(transaction, job_id, **requeue_values(row), **tags.columns, **fresh)
            await forget_clearing(transaction, job_id)
            await record_event(transaction, job_id, RETRIED, "operator")
            await write_act_on(transaction, row, COMMAND_LINE, "retry")
            await transaction.notify(QUEUED_TOPIC, CHANGED_TOPIC)
            return await job_of(transaction, job_id)

    async def move_to_front(self, job_id: int, by_user_id: int) -> bool:
        """Move a waiting job before all others of its server; False if it is not waiting."""
        async with self._database.write() as transaction:
            row = await lock_with_flow(transaction, job_id)
            if row is None or row.state != JobState.QUEUED:
                return False
            await fairness.close_gap(transaction, row)
            # Out of the order while the others are shifted.
            await change_job(transaction, job_id, band=-1, user_start=0.0)
            cost = row.finish - row.start
            tags = await fairness.assign_front_tags(transaction, flow=row.flow, cost=cost)
            moved = replace(tags, user_finish=row.user_finish).columns
            await change_job(transaction, job_id, **moved, revision=J.revision + 1)
            await record_event(transaction, job_id, "moved_to_front", f"user:{by_user_id}")
            await write_act_on(transaction, row, by_user_id, "front")
            await transaction.notify(QUEUED_TOPIC, CHANGED_TOPIC)
        return True
