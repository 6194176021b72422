"""Claiming a job, and fenced writes under the claim."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.dml import ReturningUpdate

from common.options import MAX_SIZE_PX
from jobs.core import record_event
from jobs.db import schema
from jobs.db.database import CHANGED_TOPIC, Row, Transaction, seen_recently
from jobs.db.rows import IS_QUEUED, IS_RUNNING, J
from jobs.model import Claim, JobState
from jobs.outcomes import LeaseHeld, LeaseLost, LeaseOutcome
from jobs.scheduling.eligible_jobs import in_order
from jobs.scheduling.fleet import ENGINE_ALIVE_SECONDS

LEASE_SECONDS = 30.0
"""Seconds after which a lease expires unless it is renewed."""
_PERHAPS_BETTER = 1.5
"""Less than `jobs.scheduling.dispatch.MUCH_BETTER`, as speeds differ between speed classes."""


@cache  # asked at each change, and slow to make
def next_job() -> sa.Select[int]:
    """The first queued job whose server is not paused."""
    return in_order(J.id).limit(1)


def _next_job_for() -> sa.Select[int]:
    """The same, for an engine with the job's network and without a much faster competitor.

    It finds nothing for an engine that another one may outdo, or that lacks memory for the largest
    size: those use the slower `jobs.scheduling.dispatch.choose_job`. An engine that is not
    registered, or does not report its abilities, may take any job.
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
        seen_recently(better.c.last_seen, sa.bindparam("at"), ENGINE_ALIVE_SECONDS),
    )
    return next_job().where(~lacking, ~limited, ~outdone)


def _claim_statement(which: sa.Select[int]) -> ReturningUpdate[Any]:
    # SKIP LOCKED (PostgreSQL): concurrent claims do not wait for each other.
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


# Built once, since building them costs more than sending them.
_CLAIM_NEXT = _claim_statement(_next_job_for())
_CLAIM_CHOSEN = _claim_statement(sa.select(J.id).where(J.id == sa.bindparam("chosen"), IS_QUEUED))


async def reclaim(transaction: Transaction, engine_id: str, lease_seconds: float) -> Row | None:
    """The job that this engine holds without knowing, because the answer to its claim was lost."""
    now = transaction.now
    own = sa.select(J.id).where(IS_RUNNING, J.engine_id == engine_id).limit(1).scalar_subquery()
    row = await transaction.one_or_none(
        sa.update(schema.jobs)
        .where(J.id == own, IS_RUNNING)
        .values(fence=J.fence + 1, lease_expires_at=now + lease_seconds, claimed_at=now)
        .returning(schema.jobs)
    )
    if row is not None:
        await record_event(
            transaction, row.id, "claimed", f"engine:{engine_id}", {"fence": row.fence}
        )
    return row


async def claim_job(
    transaction: Transaction, engine_id: str, lease_seconds: float, job_id: int | None = None
) -> Row | None:
    """Claim the job with this ID, or else the next one suitable; its new row, or None."""
    now = transaction.now
    values: dict[str, Any] = {"by_engine": engine_id, "at": now, "until": now + lease_seconds}
    if job_id is None:
        taken = await transaction.execute(_CLAIM_NEXT, values)
    else:
        taken = await transaction.execute(_CLAIM_CHOSEN, {**values, "chosen": job_id})
    row: Row | None = taken.one_or_none()
    if row is not None:
        await record_event(
            transaction, row.id, "claimed", f"engine:{engine_id}", {"fence": row.fence}
        )
        await transaction.notify(CHANGED_TOPIC)
    return row


def _mine(claim: Claim) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        J.id == claim.job.id,
        J.fence == claim.fence,
        IS_RUNNING,
        J.engine_id == claim.engine_id,
    )


async def fenced_update(transaction: Transaction, claim: Claim, **values: Any) -> LeaseOutcome:
    """Write to the job if the claim still holds it."""
    row = await fenced_update_returning(transaction, claim, [J.cancel_requested], **values)
    return LeaseLost() if row is None else LeaseHeld(bool(row.cancel_requested))


async def fenced_update_returning(
    transaction: Transaction,
    claim: Claim,
    returning: Sequence[sa.ColumnElement[Any]],
    **values: Any,
) -> Row | None:
    """Write to the job if the claim still holds it; these columns of the row, or None."""
    statement = sa.update(schema.jobs).where(*_mine(claim)).values(**values)
    return await transaction.one_or_none(statement.returning(*returning))


async def held_row(transaction: Transaction, claim: Claim) -> Row | None:
    """The job's row, locked, if the claim still holds it."""
    statement = sa.select(schema.jobs).where(*_mine(claim))
    return await transaction.one_or_none(statement.with_for_update())
