"""Who holds a job: the one claim that wins, and the guard of every write under it."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.dml import ReturningUpdate

from common.options import MAX_SIZE_PX
from jobs.core import record
from jobs.db import schema
from jobs.db.database import CHANGED_TOPIC, Record, Transaction, heard_of
from jobs.db.rows import IS_QUEUED, IS_RUNNING, J
from jobs.model import Claim, JobState
from jobs.order.fleet import ENGINE_ALIVE_SECONDS
from jobs.order.line import in_order
from jobs.outcomes import LeaseHeld, LeaseLost, LeaseOutcome

LEASE_SECONDS = 30.0
"""How long a claim holds unless it is renewed."""
_PERHAPS_BETTER = 1.5
"""Below `jobs.order.sharing.MUCH_BETTER`, as paces differ from class to class."""


def next_job() -> sa.Select[int]:
    """The first queued job whose server is not paused."""
    return in_order(J.id).limit(1)


def _next_job_for() -> sa.Select[int]:
    """The same for an engine that nobody does much better than, of those whose network it has.

    An engine that another one may outdo, or that has not the memory for all sizes, finds nothing
    here, and has to look closer (`jobs.order.sharing.choose`). One that is not registered, or says
    nothing of itself, may take whatever comes.
    """
    me, better = schema.engines.alias("me"), schema.engines.alias("better")
    is_me = me.c.id == sa.bindparam("by_engine")
    lacking = sa.exists().where(
        is_me,
        J.network.is_not(None),
        me.c.networks.is_not(None),
        (" " + me.c.networks + " ").not_like("% " + J.network + " %"),
    )
    limited = sa.exists().where(is_me, me.c.largest_px < MAX_SIZE_PX)
    outdone = sa.exists().where(
        is_me,
        better.c.pace < me.c.pace / _PERHAPS_BETTER,
        heard_of(better.c.last_seen, sa.bindparam("at"), ENGINE_ALIVE_SECONDS),
    )
    return next_job().where(~lacking, ~limited, ~outdone)


def _taking(which: sa.Select[int]) -> ReturningUpdate[Any]:
    # SKIP LOCKED (on PostgreSQL): engines that ask at the same moment do not wait in line.
    first = which.with_for_update(skip_locked=True, of=schema.jobs).scalar_subquery()
    now = sa.bindparam("at", type_=sa.Double)
    return (
        sa.update(schema.jobs)
        .where(J.id == first, IS_QUEUED)
        .values(
            state=JobState.RUNNING.value,
            engine_id=sa.bindparam("by_engine"),
            fence=J.fence + 1,
            attempts=J.attempts + 1,
            lease_expires_at=sa.bindparam("until", type_=sa.Double),
            claimed_at=now,
            started_at=sa.func.coalesce(J.started_at, now),
            progress=None,
            progress_at=None,
            revision=J.revision + 1,
        )
        .returning(schema.jobs)
    )


# Made once: to make them costs more than to send them.
_TAKE_NEXT = _taking(_next_job_for())
_TAKE_CHOSEN = _taking(sa.select(J.id).where(J.id == sa.bindparam("chosen"), IS_QUEUED))


async def take_own(transaction: Transaction, engine_id: str, lease_seconds: float) -> Record | None:
    """What an engine has claimed without knowing: the answer to its claim got lost."""
    now = transaction.now
    own = sa.select(J.id).where(IS_RUNNING, J.engine_id == engine_id).limit(1).scalar_subquery()
    row = await transaction.one_or_none(
        sa.update(schema.jobs)
        .where(J.id == own, IS_RUNNING)
        .values(fence=J.fence + 1, lease_expires_at=now + lease_seconds, claimed_at=now)
        .returning(schema.jobs)
    )
    if row is not None:
        await record(transaction, row.id, "claimed", f"engine:{engine_id}", {"fence": row.fence})
    return row


async def take(
    transaction: Transaction, engine_id: str, lease_seconds: float, job_id: int | None = None
) -> Record | None:
    """Make a job this engine's: this one, or the next that is for it; the job as it is then."""
    now = transaction.now
    values: dict[str, Any] = {"by_engine": engine_id, "at": now, "until": now + lease_seconds}
    if job_id is None:
        taken = await transaction.execute(_TAKE_NEXT, values)
    else:
        taken = await transaction.execute(_TAKE_CHOSEN, {**values, "chosen": job_id})
    row: Record | None = taken.one_or_none()
    if row is not None:
        await record(transaction, row.id, "claimed", f"engine:{engine_id}", {"fence": row.fence})
        await transaction.notify(CHANGED_TOPIC)
    return row


def _mine(claim: Claim) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        J.id == claim.job.id,
        J.fence == claim.fence,
        IS_RUNNING,
        J.engine_id == claim.engine_id,
    )


async def guarded(transaction: Transaction, claim: Claim, **values: Any) -> LeaseOutcome:
    """Write to the job if it is still this claim's."""
    row = await guarded_row(transaction, claim, [J.cancel_requested], **values)
    return LeaseLost() if row is None else LeaseHeld(bool(row.cancel_requested))


async def guarded_row(
    transaction: Transaction,
    claim: Claim,
    returning: Sequence[sa.ColumnElement[Any]],
    **values: Any,
) -> Record | None:
    """Write to the job if it is still this claim's; these expressions of it, or None."""
    statement = sa.update(schema.jobs).where(*_mine(claim)).values(**values)
    return await transaction.one_or_none(statement.returning(*returning))


async def held_row(transaction: Transaction, claim: Claim) -> Record | None:
    """The job's row, locked, if it is still this claim's."""
    statement = sa.select(schema.jobs).where(*_mine(claim))
    return await transaction.one_or_none(statement.with_for_update())
