"""Who holds a job: the one claim that wins, and the guard of every write under it."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from jobs.core import record
from jobs.db import schema
from jobs.db.database import CHANGED_TOPIC, Transaction
from jobs.db.rows import IS_QUEUED, IS_RUNNING, J, Record
from jobs.entering.limits import EVERYWHERE
from jobs.model import Claim, JobState

LEASE_SECONDS = 30.0
"""How long a claim holds unless it is renewed."""


def next_job() -> sa.Select[int]:
    """The first queued job whose server is not paused."""
    halted = schema.pauses.c.guild_id
    return (
        sa.select(J.id)
        .where(
            IS_QUEUED,
            J.flow.not_in(sa.select(halted)),
            ~sa.exists().where(halted == EVERYWHERE),
        )
        .order_by(J.start, J.id)
        .limit(1)
    )


async def take(transaction: Transaction, engine_id: str, lease_seconds: float) -> Record | None:
    """Make the first free job this engine's; the job as it is then."""
    # SKIP LOCKED (on PostgreSQL): engines that ask at the same moment do not wait in line.
    first = next_job().with_for_update(skip_locked=True).scalar_subquery()
    now = transaction.now
    taken = await transaction.connection.execute(
        sa.update(schema.jobs)
        .where(J.id == first, IS_QUEUED)
        .values(
            state=JobState.RUNNING.value,
            engine_id=engine_id,
            fence=J.fence + 1,
            attempts=J.attempts + 1,
            lease_expires_at=now + lease_seconds,
            claimed_at=now,
            started_at=sa.func.coalesce(J.started_at, now),
            progress=None,
            progress_at=None,
            revision=J.revision + 1,
        )
        .returning(schema.jobs)
    )
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


async def guarded(transaction: Transaction, claim: Claim, **values: Any) -> bool | None:
    """Write to the job if it is still this claim's; whether it is to be cancelled, or None."""
    row = await guarded_row(transaction, claim, [J.cancel_requested], **values)
    return None if row is None else bool(row.cancel_requested)


async def guarded_row(
    transaction: Transaction,
    claim: Claim,
    returning: Sequence[sa.ColumnElement[Any]],
    **values: Any,
) -> Record | None:
    """Write to the job if it is still this claim's; these expressions of it, or None."""
    statement = sa.update(schema.jobs).where(*_mine(claim)).values(**values)
    result = await transaction.connection.execute(statement.returning(*returning))
    return result.one_or_none()


async def held_row(transaction: Transaction, claim: Claim) -> Record | None:
    """The job's row, locked, if it is still this claim's."""
    statement = sa.select(schema.jobs).where(*_mine(claim)).with_for_update()
    return (await transaction.connection.execute(statement)).one_or_none()
