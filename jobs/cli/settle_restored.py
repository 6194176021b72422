"""Settles a database that was just restored: nothing is delivered twice, no ID reused."""

import json
from dataclasses import dataclass

import sqlalchemy as sa

from jobs.core import EVERYWHERE, record_event
from jobs.db import schema
from jobs.db.database import Transaction
from jobs.db.facts import write_fact
from jobs.db.rows import IS_UNFINISHED, J
from jobs.execution.ending import end_job
from jobs.management.audit import COMMAND_LINE
from jobs.management.installation import RESTORED_AT
from jobs.model import JobState
from jobs.privacy.erasures import erased_since
from jobs.queue import JobQueue

UNKNOWN_NUMBERS = 10_000
"""Number of IDs skipped if it is unknown which were given after the backup."""
NUMBERED = (schema.jobs, schema.audit)
"""Tables whose IDs members have seen, or which are in buttons."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What settling a restored database changed."""

    ended_jobs: int
    """Jobs that were waiting or running in the backup."""
    erased_users: int
    """Members who had their data erased after the backup."""


async def settle(queue: JobQueue, highest: dict[str, int] | None = None) -> Settled:
    """Bring a restored database up to date.

    Waiting and running jobs are ended, nothing is delivered any more, erasures since the backup are
    repeated, IDs continue after those given, and nothing is deleted for a day.

    Args:
        queue: on that database.
        highest: the highest ID of each table that was given since, if known.
    """
    newest = await _newest(queue)
    async with queue.database.write() as transaction:
        await write_fact(transaction, RESTORED_AT, str(transaction.now))
        ended = await _end_all(transaction)
        await _skip_numbers(transaction, highest, {"count": ended})
    erased = erased_since(queue.settings.atelier_data_dir, newest)
    for user_id in erased:
        await queue.privacy.erase_user(user_id)
    return Settled(ended, len(erased))


async def _newest(queue: JobQueue) -> float:
    """The time of the backup, as far as its rows tell."""
    moments = (J.created_at, J.ended_at, schema.events.c.at, schema.audit.c.at)
    async with queue.database.read() as connection:
        found = [await connection.scalar(sa.select(sa.func.max(each))) for each in moments]
    return max((each for each in found if each is not None), default=0.0)


async def _end_all(transaction: Transaction) -> int:
    """End unfinished jobs; their messages may show more by now than this database knows."""
    unfinished = await transaction.all(sa.select(schema.jobs).where(IS_UNFINISHED))
    for row in unfinished:
        await end_job(transaction, row, JobState.CANCELLED, "operator")
        await record_event(transaction, row.id, "restored", "operator")
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
    return len(unfinished)


async def _skip_numbers(
    transaction: Transaction, highest: dict[str, int] | None, details: dict[str, int]
) -> None:
    """Continue after the IDs given, and record the restore."""
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
        # The table of jobs has a sequence; others continue after their last row.
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
