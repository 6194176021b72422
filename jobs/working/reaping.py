"""Taking the jobs of dead engines back, and telling death from sleep.

A lease that ended says that its engine was not heard of; it may be that nobody was awake to hear.
A laptop that slept, a database that was away, a clock that was set: after each of them all leases
have ended at once, and the engines are about to renew them. So who looks after the leases
believes an end only after it has looked steadily for a while, by the clock that leases end by,
and after all could be written for as long: a full disk and a program that holds SQLite's lock let
everybody look on, and nobody renew.
"""

import logging
import time
from dataclasses import dataclass

import sqlalchemy as sa

from common.logs import log_ids
from common.sentences import sentence
from jobs.core import QueueCore, QueuePart
from jobs.db import schema
from jobs.db.database import Record, Transaction
from jobs.db.rows import IS_RUNNING, J, job_from_row
from jobs.model import Failure, FailureKind, JobState
from jobs.working.ending import DEATHS_ALLOWED, DIED, end_job, end_lost, requeue
from jobs.working.leases import LEASE_SECONDS
from jobs.working.saying import ids_of, say_end

log = logging.getLogger(__name__)

STEADY_GAP_SECONDS = 15.0
"""Looks that are further apart have something between them that nobody saw."""
AWAKE_SECONDS = 10.0
"""After that, engines have this long to renew; a quarter of a lease would do."""
LOST = sentence(
    "The painter stopped {count} times while painting this, so I gave up; please try a smaller "
    "size.",
    count=DEATHS_ALLOWED,
)


@dataclass
class Attention:
    """Since when somebody has looked steadily, by the clock that leases end by."""

    looked_at: float | None = None
    steady_since: float = 0.0
    write_troubles: int = 0
    clock_went_back: bool = False
    """Whether it did since the last look."""

    def look(self, now: float, write_troubles: int) -> bool:
        """Note a look; whether the end of a lease may be believed.

        Args:
            now: by the clock that leases end by.
            write_troubles: the database's, so far.
        """
        before, self.looked_at = self.looked_at, now
        could_write = write_troubles == self.write_troubles
        self.write_troubles = write_troubles
        self.clock_went_back = before is not None and now < before
        if before is None or not 0 <= now - before <= STEADY_GAP_SECONDS or not could_write:
            self.steady_since = now
        return now - self.steady_since >= AWAKE_SECONDS


class Reaper(QueuePart):
    """Looks after the leases, for one process."""

    def __init__(self, core: QueueCore) -> None:
        super().__init__(core)
        self._attention = Attention()
        self._asked_at = float("-inf")
        self._longest_seconds = LEASE_SECONDS

    def note_lease(self, seconds: float) -> None:
        """Know of leases that are longer than usual, as simulations give."""
        self._longest_seconds = max(self._longest_seconds, seconds)

    def is_due(self, every_seconds: float) -> bool:
        """Whether nobody has looked for that many seconds."""
        return time.monotonic() - self._asked_at >= every_seconds

    async def reap(self) -> list[int]:
        """Take the jobs of dead engines back into the queue; the ids of these jobs.

        A job whose engines died three times fails, since it may well be what kills them.
        """
        self._asked_at = time.monotonic()
        async with self._database.read_now() as (connection, now):
            troubles = self._database.write_troubles
            may_believe = self._attention.look(now, troubles)
            ends = (sa.func.min(J.lease_expires_at), sa.func.max(J.lease_expires_at))
            first, last = (await connection.execute(sa.select(*ends).where(IS_RUNNING))).one()
        # Nobody gives such a lease: the clock was put back, perhaps while nobody ran to see it.
        is_too_long = last is not None and last > now + self._longest_seconds
        if self._attention.clock_went_back or is_too_long:
            await self._follow_clock()
        if first is None or first >= now:
            return []
        expired = sa.and_(IS_RUNNING, J.lease_expires_at < now)
        statement = sa.select(schema.jobs).where(expired).order_by(J.id)
        async with self._database.write() as transaction:
            if not may_believe or troubles != self._database.write_troubles:
                await _try_to_write(transaction, expired)
                return []
            reaped = await transaction.all(statement.with_for_update(skip_locked=True))
            dropped = [key for row in reaped for key in await _reap_one(transaction, row)]
        for row in reaped:
            _say(row)
        await self._core.discard_working(dropped)
        return [int(row.id) for row in reaped]

    async def _follow_clock(self) -> None:
        """After the clock was put back: let no lease, engine or bot last until then."""
        async with self._database.write() as transaction:
            now = transaction.now
            latest = now + self._longest_seconds
            await transaction.execute(
                sa.update(schema.jobs)
                .where(IS_RUNNING, J.lease_expires_at > latest)
                .values(lease_expires_at=latest)
            )
            for table in (schema.engines, schema.bots):
                ahead = sa.update(table).where(table.c.last_seen > now)
                await transaction.execute(ahead.values(last_seen=now))


async def _try_to_write(transaction: Transaction, jobs: sa.ColumnElement[bool]) -> None:
    """Write what stands there already: a trouble that lasts is then seen at each look."""
    same = sa.update(schema.jobs).where(jobs).values(lease_expires_at=J.lease_expires_at)
    await transaction.execute(same)


def _say(row: Record) -> None:
    """Say what became of a job whose engine was not heard of any more."""
    job = job_from_row(row)
    with ids_of(job), log_ids(engine=row.engine_id):
        log.warning("job %d: its engine was not heard of any more", job.id)
        if row.cancel_requested:
            say_end(job, "cancelled")
        elif row.deaths + 1 >= DEATHS_ALLOWED:
            say_end(job, "failed")
        else:
            log.info("job %d: back in the queue", job.id)


async def _reap_one(transaction: Transaction, row: Record) -> list[str]:
    """Take one job back, or end it; the keys of what nobody needs any more."""
    if row.cancel_requested:
        return await end_job(transaction, row, JobState.CANCELLED, "queue")
    if row.deaths + 1 < DEATHS_ALLOWED:
        details = {"engine": row.engine_id, "fence": row.fence}
        return await requeue(transaction, row, DIED, "queue", died=True, details=details)
    failure = Failure.of(FailureKind.LOST, LOST, f"job-{row.id}")
    return await end_lost(transaction, row, DIED, "queue", failure)
