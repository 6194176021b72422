"""How a job is cancelled, and the locks that this takes."""

from typing import Any

import sqlalchemy as sa

from jobs.changing.audit import COMMAND_LINE, SERVER_LEFT
from jobs.core import change_job, record, row_of
from jobs.db import schema
from jobs.db.database import CANCELLED_TOPIC, CHANGED_TOPIC, Record, Transaction
from jobs.db.rows import J, job_from_row
from jobs.model import JobState
from jobs.order import fairness
from jobs.working.ending import end_job


def actor_of(user_id: int) -> str:
    """Who did it, as a job's history has it."""
    named = {COMMAND_LINE: "operator", SERVER_LEFT: "server"}
    return named.get(user_id, f"user:{user_id}")


async def lock_with_flow(transaction: Transaction, job_id: int) -> Record | None:
    """The job's row, with the locks that changes to its part of the queue need.

    The flow's lock comes first, as everywhere, so that no two writers wait for each other.
    """
    flow = await transaction.scalar(sa.select(J.flow).where(J.id == job_id))
    if flow is None:
        return None
    await transaction.lock(fairness.flow_lock(flow))
    return await row_of(transaction, job_id)


def waiting_again(row: Record) -> dict[str, Any]:
    """What the row of a job says that had ended and is queued once more; it counts as a whole."""
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
    """Leave nothing to be undone for a job, whoever cancelled it."""
    cleared = schema.cleared_jobs
    await transaction.execute(sa.delete(cleared).where(cleared.c.job_id == job_id))


async def cancel_row(
    transaction: Transaction, row: Record, by_user_id: int, *, back_until: float | None = None
) -> list[str]:
    """Cancel a locked job: at once when it waits, by request when it is being painted.

    Args:
        transaction: Which has locked it.
        row: The job.
        by_user_id: Who cancels it; its member is told if that is somebody else.
        back_until: Until when that can be undone, where it can.

    Returns:
        Keys of what only its engine needed, to be discarded when all is written.
    """
    actor = actor_of(by_user_id)
    by = None if by_user_id == row.user_id else by_user_id
    match row.state:
        case JobState.QUEUED:
            await fairness.leave_place(transaction, row)
            state = JobState.CANCELLED
            return await end_job(
                transaction, row, state, actor, cancelled_by=by, back_until=back_until
            )
        case JobState.RUNNING if not row.cancel_requested:
            asked = {"cancel_requested": True, "cancelled_by": by, "revision": J.revision + 1}
            await change_job(transaction, row.id, **asked)
            await record(transaction, row.id, "cancel_requested", actor)
            await transaction.notify(CHANGED_TOPIC)
            await transaction.notify(CANCELLED_TOPIC, about=str(row.id))
    return []
