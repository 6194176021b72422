"""What is true of a database that was just restored: nothing is told twice or numbered twice."""

import json
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from jobs.changing.audit import COMMAND_LINE
from jobs.changing.erasures import erased_since
from jobs.changing.installation import RESTORED_AT
from jobs.core import record
from jobs.db import schema
from jobs.db.database import Transaction
from jobs.db.facts import write_fact
from jobs.db.rows import IS_WAITING, J
from jobs.entering.limits import EVERYWHERE
from jobs.model import JobState
from jobs.order.fairness import leave_place
from jobs.queue import JobQueue
from jobs.working.ending import end_job

UNKNOWN_NUMBERS = 10_000
"""So many numbers are left out where nobody knows which were given after the backup."""
NUMBERED = (schema.jobs, schema.audit)
"""Tables whose numbers members have seen, or which stand in buttons."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did."""

    pictures: int
    ended_jobs: int
    """Jobs that waited or were painted when the backup was made."""
    erased_users: int
    """Members who had everything erased after it."""
    aside: Path | None
    """Where the database is that was there before; of PostgreSQL a dump of it."""


async def settle(queue: JobQueue, highest: dict[str, int] | None = None) -> Restored:
    """Let a database that was just restored say what is true now.

    What waited has ended, nothing is delivered any more, whoever had their data erased since is
    erased again, numbers go on after those that were given, and nothing is deleted for a day.

    Args:
        queue: on that database.
        highest: the highest number of each table that was given since, where that is known.
    """
    newest = await _newest(queue)
    async with queue.database.write() as transaction:
        await write_fact(transaction, RESTORED_AT, str(transaction.now))
        ended = await _end_all(transaction)
        await _skip_numbers(transaction, highest, {"count": ended})
    erased = erased_since(queue.settings.atelier_data_dir, newest)
    for user_id in erased:
        await queue.privacy.erase_user(user_id)
    return Restored(0, ended, len(erased), None)


async def _newest(queue: JobQueue) -> float:
    """When the backup was made, as far as its rows say."""
    moments = (J.created_at, J.ended_at, schema.events.c.at, schema.audit.c.at)
    async with queue.database.read() as connection:
        found = [await connection.scalar(sa.select(sa.func.max(each))) for each in moments]
    return max((each for each in found if each is not None), default=0.0)


async def _end_all(transaction: Transaction) -> int:
    """End what was under way; its message may show more by now than this database knows."""
    waiting = await transaction.all(sa.select(schema.jobs).where(IS_WAITING))
    for row in waiting:
        if row.state == JobState.QUEUED:
            await leave_place(transaction, row)
        await end_job(transaction, row, JobState.CANCELLED, "operator")
        await record(transaction, row.id, "restored", "operator")
    undelivered = sa.update(schema.jobs).where(J.delivered_at.is_(None))
    await transaction.execute(
        undelivered.values(
            delivered_at=transaction.now, delivered_how="restored", shown_revision=J.revision
        )
    )
    for table in (schema.intake_uses, schema.cleared_jobs, schema.bots, schema.engines):
        await transaction.execute(sa.delete(table))
    opened = sa.update(schema.intakes).where(schema.intakes.c.closed_at.is_(None))
    await transaction.execute(opened.values(closed_at=transaction.now, payload="{}", user_id=None))
    return len(waiting)


async def _skip_numbers(
    transaction: Transaction, highest: dict[str, int] | None, details: dict[str, int]
) -> None:
    """Go on after the numbers that were given, and write the restore down."""
    given = {}
    for table in NUMBERED:
        here = await transaction.scalar(sa.select(sa.func.max(table.c.id))) or 0
        known = None if highest is None else highest.get(table.name)
        given[table.name] = here + UNKNOWN_NUMBERS if known is None else max(here, known)
        if transaction.postgres:
            sequence = sa.func.pg_get_serial_sequence(table.name, "id")
            following = sa.func.setval(sequence, given[table.name] + 1, False)
            await transaction.execute(sa.select(following))
    if not transaction.postgres:
        # The table of jobs has a counter of its own; others go on after their last row.
        values = {"name": schema.jobs.name, "seq": given[schema.jobs.name]}
        await transaction.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :name"), values)
        inserted = sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)")
        await transaction.execute(inserted, values)
    await transaction.execute(
        sa.insert(schema.audit).values(
            **({} if transaction.postgres else {"id": given[schema.audit.name] + 1}),
            guild_id=EVERYWHERE,
            at=transaction.now,
            user_id=COMMAND_LINE,
            action="restore",
            details=json.dumps(details),
        )
    )
