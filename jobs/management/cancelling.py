"""Cancelling jobs, and the locks that this takes."""

from typing import Any

import sqlalchemy as sa

from jobs.core import change_job, record_event, row_of
from jobs.db import schema
from jobs.db.database import CANCELLED_TOPIC, CHANGED_TOPIC, Row, Transaction
from jobs.db.rows import J, job_from_row
from jobs.execution.ending import end_job
from jobs.management.audit import COMMAND_LINE, SERVER_LEFT
from jobs.model import JobState
from jobs.scheduling import fairness


def actor_of(user_id: int) -> str:
    """The actor of a user ID, as in a job's history."""
    named = {COMMAND_LINE: "operator", SERVER_LEFT: "server"}
    return named.get(user_id, f"user:{user_id}")


async def lock_with_flow(transaction: Transaction, job_id: int) -> Row | None:
    """The job's row, with the locks needed to change its part of the queue.

    The flow's lock always comes first, so that two writers cannot deadlock.
    """
    flow = await transaction.scalar(sa.select(J.flow).where(J.id == job_id))
    if flow is None:
        return None
    await transaction.lock(fairness.flow_lock(flow))
    return await row_of(transaction, job_id)


def requeue_values(row: Row) -> dict[str, Any]:
    """Column values of an ended job that is queued again; it counts in full."""
    return {
        "state": JobState.QUEUED.value,
        "pictures": job_from_row(row).options.variants,
        "progress": None,
        "result_key": None,
        "cancel_requested": False,
        "cancelled_by": None,
        "back_until": None,
        "ended_at": None,
        "delivered_at": None,
        "delivered_how": None,
        "delivery_attempts": 0,
        "notified_at": None,
        "revision": J.revision + 1,
    }


async def forget_clearing(transaction: Transaction, job_id: int) -> None:
    """Remove a job from the clearing that cancelled it, so that it cannot be undone."""
    cleared = schema.cleared_jobs
    await transaction.execute(sa.delete(cleared).where(cleared.c.job_id == job_id))


async def cancel_row(
    transaction: Transaction, row: Row, by_user_id: int, *, back_until: float | None = None
) -> list[str]:
    """Cancel a locked job: a waiting one at once, a running one by request to its engine.

    Args:
        transaction: Has locked it.
        row: The job.
        by_user_id: Who cancels it; the member is told if it is somebody else.
        back_until: Until when it can be undone, in seconds since 1970; None: never.

    Returns:
        Keys of files that only its engine needed, to be discarded after the commit.
    """
    actor = actor_of(by_user_id)
    by = None if by_user_id == row.user_id else by_user_id
    match row.state:
        case JobState.QUEUED:
            state = JobState.CANCELLED
            return await end_job(
                transaction, row, state, actor, cancelled_by=by, back_until=back_until
            )
        case JobState.RUNNING if not row.cancel_requested:
            asked = {"cancel_requested": True, "cancelled_by": by, "revision": J.revision + 1}
            await change_job(transaction, row.id, **asked)
            await record_event(transaction, row.id, "cancel_requested", actor)
            await transaction.notify(CHANGED_TOPIC)
            await transaction.notify(CANCELLED_TOPIC, about=str(row.id))
    return []
