"""Taking jobs out of the queue, by the user, by admins, and setting one before the others."""

import sqlalchemy as sa

from jobs.core import QueueCore, record, row_of
from jobs.db import schema
from jobs.db.database import CHANGED_TOPIC, QUEUED_TOPIC, Transaction
from jobs.db.rows import J, Record, job_from_row
from jobs.model import Job, JobState
from jobs.order import fairness
from jobs.outcomes import (
    AlreadyEnded,
    Cancelled,
    CancelOutcome,
    CancelRequested,
    NoSuchJob,
    NotYours,
)
from jobs.working.ending import end_job


class Cancelling(QueueCore):
    """The side of the queue that changes one's mind."""

    async def request_cancel(
        self, job_id: int, by_user_id: int, *, by_admin: bool = False
    ) -> CancelOutcome:
        """Cancel a waiting job at once, and ask the engine of a running one to stop."""
        async with self.database.write() as transaction:
            row = await lock_with_flow(transaction, job_id)
            if row is None:
                return NoSuchJob()
            if row.user_id != by_user_id and not by_admin:
                return NotYours()
            await cancel_row(transaction, row, f"user:{by_user_id}")
            now = await row_of(transaction, job_id)
            assert now is not None
            job = job_from_row(now)
        if row.state == JobState.QUEUED:
            return Cancelled(job)
        return CancelRequested(job) if row.state == JobState.RUNNING else AlreadyEnded(job)

    async def remove(self, job_id: int, by_user_id: int = 0) -> CancelOutcome:
        """Cancel anybody's job, as an admin."""
        return await self.request_cancel(job_id, by_user_id, by_admin=True)

    async def retry(self, job_id: int, actor: str = "operator") -> Job | None:
        """Queue a failed or cancelled job once more, at the end of its user's jobs.

        Its message is delivered anew. None when it is not failed or cancelled, or its pictures
        have been deleted.
        """
        async with self.database.write() as transaction:
            row = await lock_with_flow(transaction, job_id)
            if row is None or row.state not in {JobState.FAILED, JobState.CANCELLED}:
                return None
            if row.pictures_deleted_at is not None:
                return None
            tags = await fairness.take_place(
                transaction,
                flow=row.flow,
                user_id=row.user_id,
                band=row.band,
                cost=row.predicted_seconds,
                job_id=job_id,
            )
            await transaction.connection.execute(
                sa.update(schema.jobs)
                .where(J.id == job_id)
                .values(
                    state=JobState.QUEUED.value,
                    user_start=tags.user_start,
                    user_finish=tags.user_finish,
                    start=tags.start,
                    finish=tags.finish,
                    failure=None,
                    progress=None,
                    cancel_requested=False,
                    attempts=0,
                    deaths=0,
                    ended_at=None,
                    started_at=None,
                    delivered_at=None,
                    delivered_how=None,
                    delivery_attempts=0,
                    revision=J.revision + 1,
                )
            )
            await forget_clearing(transaction, job_id)
            await record(transaction, job_id, "retried", actor)
            await transaction.notify(QUEUED_TOPIC, CHANGED_TOPIC)
            now = await row_of(transaction, job_id)
        return None if now is None else job_from_row(now)

    async def move_to_front(self, job_id: int, by_user_id: int) -> bool:
        """Set a waiting job before all others of its server; other servers keep their turn."""
        async with self.database.write() as transaction:
            row = await lock_with_flow(transaction, job_id)
            if row is None or row.state != JobState.QUEUED:
                return False
            await fairness.leave_place(transaction, row)
            # Out of the way while the others make room for it.
            await transaction.connection.execute(
                sa.update(schema.jobs).where(J.id == job_id).values(band=-1, user_start=0.0)
            )
            tags = await fairness.take_front(
                transaction, flow=row.flow, cost=row.finish - row.start
            )
            await transaction.connection.execute(
                sa.update(schema.jobs)
                .where(J.id == job_id)
                .values(
                    band=tags.band,
                    user_start=tags.user_start,
                    start=tags.start,
                    finish=tags.finish,
                    revision=J.revision + 1,
                )
            )
            await record(transaction, job_id, "moved_to_front", f"user:{by_user_id}")
            await transaction.notify(QUEUED_TOPIC, CHANGED_TOPIC)
        return True


async def lock_with_flow(transaction: Transaction, job_id: int) -> Record | None:
    """The job's row, with the locks that changes to its part of the queue need.

    The flow's lock comes first, as everywhere, so that no two writers wait for each other.
    """
    flow = await transaction.connection.scalar(sa.select(J.flow).where(J.id == job_id))
    if flow is None:
        return None
    await transaction.lock(fairness.flow_lock(flow))
    return await row_of(transaction, job_id)


async def forget_clearing(transaction: Transaction, job_id: int) -> None:
    """Leave nothing to be undone for a job, whoever cancelled it."""
    cleared = schema.cleared_jobs
    await transaction.connection.execute(sa.delete(cleared).where(cleared.c.job_id == job_id))


async def cancel_row(transaction: Transaction, row: Record, actor: str) -> None:
    """Cancel a locked job: at once when it waits, by request when it is being painted."""
    match row.state:
        case JobState.QUEUED:
            await fairness.leave_place(transaction, row)
            await end_job(transaction, row, JobState.CANCELLED, actor)
        case JobState.RUNNING if not row.cancel_requested:
            await transaction.connection.execute(
                sa.update(schema.jobs)
                .where(J.id == row.id)
                .values(cancel_requested=True, revision=J.revision + 1)
            )
            await record(transaction, row.id, "cancel_requested", actor)
            await transaction.notify(CHANGED_TOPIC)
