"""Requeues the jobs of dead engines, and tells death from sleep.

An expired lease may mean that its engine died, or that nobody could renew it. After a laptop slept,
the database was away or the clock was set, all leases have expired at once, and the engines are
about to renew them. So the reaper believes in an expired lease only after it has checked steadily
for a while by the database's clock, and after writes have succeeded for as long: with a full disk
or a locked SQLite file, everybody can read and nobody can renew.
"""

import logging
import time
from dataclasses import dataclass

import sqlalchemy as sa

from common.logs import log_ids
from common.sentences import sentence
from jobs.core import QueueCore, QueuePart
from jobs.db import schema
from jobs.db.database import Row, Transaction
from jobs.db.rows import IS_RUNNING, J, job_from_row
from jobs.execution.ending import DEATHS_ALLOWED, DIED, end_job, end_lost, requeue
from jobs.execution.job_log import job_log_ids, log_end
from jobs.execution.leases import LEASE_SECONDS
from jobs.model import Failure, FailureKind, JobState

log = logging.getLogger(__name__)

EVERY_SECONDS = 1.0
"""Pause between two checks by engines that claim."""
STEADY_GAP_SECONDS = 15.0
"""With a longer gap between two checks, the time between them was not observed."""
AWAKE_SECONDS = 10.0
"""Time that engines have to renew after such a gap; a quarter of a lease would do."""
LOST = sentence(
    "The painter stopped {count} times while painting this, so I gave up; please try a smaller "
    "size.",
    count=DEATHS_ALLOWED,
)


@dataclass
class LeaseWatch:
    """Since when leases have been checked steadily, by the database's clock."""

    looked_at: float | None = None
    steady_since: float = 0.0
    write_troubles: int = 0
    clock_went_back: bool = False
    """Whether the clock was set back since the last check."""

    def check(self, now: float, write_troubles: int) -> bool:
        """Record a check; returns whether expired leases may be believed.

        Args:
            now: time of the database's clock.
            write_troubles: the database's counter of failed or slow writes.
        """
        before, self.looked_at = self.looked_at, now
        could_write = write_troubles == self.write_troubles
        self.write_troubles = write_troubles
        self.clock_went_back = before is not None and now < before
        if before is None or not 0 <= now - before <= STEADY_GAP_SECONDS or not could_write:
            self.steady_since = now
        return now - self.steady_since >= AWAKE_SECONDS


class Reaper(QueuePart):
    """Requeues jobs with expired leases; one per process."""

    def __init__(self, core: QueueCore) -> None:
        super().__init__(core)
        self._lease_watch = LeaseWatch()
        self._asked_at = float("-inf")
        self._longest_seconds = LEASE_SECONDS

    def note_lease(self, seconds: float) -> None:
        """Allow for leases that are longer than the default, such as those of simulations."""
        self._longest_seconds = max(self._longest_seconds, seconds)

    def is_due(self) -> bool:
        """Whether the last check was at least `EVERY_SECONDS` ago."""
        return time.monotonic() - self._asked_at >= EVERY_SECONDS

    async def reap(self) -> list[int]:
        """Requeue the jobs of dead engines; returns the IDs of these jobs.

        A job whose engines died three times fails, since it probably is what kills them.
        """
        self._asked_at = time.monotonic()
        async with self._database.read_now() as (connection, now):
            troubles = self._database.write_troubles
            may_believe = self._lease_watch.check(now, troubles)
            ends = (sa.func.min(J.lease_expires_at), sa.func.max(J.lease_expires_at))
            first, last = (await connection.execute(sa.select(*ends).where(IS_RUNNING))).one()
        # No lease is that long: the clock was set back, perhaps while no process ran to see it.
        is_too_long = last is not None and last > now + self._longest_seconds
        if self._lease_watch.clock_went_back or is_too_long:
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
            _log_lost_engine(row)
        await self._core.discard_working(dropped)
        return [int(row.id) for row in reaped]

    async def _follow_clock(self) -> None:
        """After the clock was set back: shorten leases and heartbeats that lie in the future."""
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
    """Write the values that are there already, so that persistent write failures are noticed."""
    same = sa.update(schema.jobs).where(jobs).values(lease_expires_at=J.lease_expires_at)
    await transaction.execute(same)


def _log_lost_engine(row: Row) -> None:
    """Log what happened to a job whose engine is dead."""
    job = job_from_row(row)
    with job_log_ids(job), log_ids(engine=row.engine_id):
        log.warning("job %d: its engine was not heard of any more", job.id)
        if row.cancel_requested:
            log_end(job, "cancelled")
        elif row.deaths + 1 >= DEATHS_ALLOWED:
            log_end(job, "failed")
        else:
            log.info("job %d: back in the queue", job.id)


async def _reap_one(transaction: Transaction, row: Row) -> list[str]:
    """Requeue one job, or end it; the keys of files that nobody needs any more."""
    if row.cancel_requested:
        return await end_job(transaction, row, JobState.CANCELLED, "queue")
    if row.deaths + 1 < DEATHS_ALLOWED:
        details = {"engine": row.engine_id, "fence": row.fence}
        return await requeue(transaction, row, DIED, "queue", died=True, details=details)
    failure = Failure.of(FailureKind.LOST, LOST, f"job-{row.id}")
    return await end_lost(transaction, row, DIED, "queue", failure)
