"""Claims a job for an engine: one that it holds already, the next in line, or a deferred one."""

from common.version import VERSION
from jobs.core import QueueCore, QueuePart
from jobs.db.database import Transaction
from jobs.db.liveness import bots_alive
from jobs.db.migrate import newer_schema
from jobs.db.rows import job_from_row
from jobs.execution import ending, leases
from jobs.execution.job_log import log_end
from jobs.execution.reaper import Reaper
from jobs.model import Claim, Failure, FailureKind, JobState
from jobs.outcomes import OtherVersionError, QueueUnavailableError
from jobs.picture_roles import FRAME, VARIANT, finished_parts, keys_in
from jobs.scheduling.dispatch import LOOK_AHEAD, StalledEngines, choose_job
from jobs.scheduling.eligible_jobs import first_loads
from jobs.scheduling.fleet import SpeedCache, read_fleet


class Claiming(QueuePart):
    """Claims jobs for engines, after reaping those of dead ones."""

    def __init__(self, core: QueueCore, speeds: SpeedCache, reaper: Reaper) -> None:
        super().__init__(core)
        self._speeds = speeds
        self._reaper = reaper
        self._stalled = StalledEngines()
        self._unsure: set[str] = set()
        """Engines whose last claim may have succeeded although its answer was lost."""

    async def claim(
        self, engine_id: str, *, lease_seconds: float = leases.LEASE_SECONDS
    ) -> Claim | None:
        """Claim the next job; None if there is none for this engine.

        Args:
            engine_id: the engine, which must hold no other job.
            lease_seconds: duration of the lease.

        Raises:
            OtherVersionError: the next job can only be read by another version.
            QueueUnavailableError: the database cannot be used; the job may have been claimed, which
                the next call finds out.
        """
        try:
            claim = await self._claim(engine_id, lease_seconds)
        except QueueUnavailableError:
            self._unsure.add(engine_id)
            raise
        self._unsure.discard(engine_id)
        return claim

    async def _claim(self, engine_id: str, lease_seconds: float) -> Claim | None:
        is_unsure = engine_id in self._unsure
        self._reaper.note_lease(lease_seconds)
        if self._reaper.is_due():
            await self._reaper.reap()
        while True:
            if not is_unsure and not self._database.postgres and await self._nothing_queued():
                # Usually nothing is queued: on SQLite, a read finds that out without waiting for
                # the write lock.
                return None
            async with self._database.write() as transaction:
                row = None
                if is_unsure:
                    row = await leases.reclaim(transaction, engine_id, lease_seconds)
                if row is None:
                    row = await leases.claim_job(transaction, engine_id, lease_seconds)
                if row is None:
                    job_id = await self._chosen(transaction, engine_id)
                    if job_id is None:
                        return None
                    row = await leases.claim_job(transaction, engine_id, lease_seconds, job_id)
                if row is None:
                    continue  # another engine was faster
                job = job_from_row(row)
                if job.unreadable is None:
                    kept = await finished_parts(transaction, job.id)
                    return Claim(
                        job=job,
                        engine_id=engine_id,
                        fence=row.fence,
                        lease_seconds=lease_seconds,
                        checkpoint_key=row.checkpoint_key,
                        done=keys_in(kept, VARIANT),
                        frames=keys_in(kept, FRAME),
                    )
                await _refuse_others_job(transaction, job.id)
                failure = Failure.of(FailureKind.INTERNAL, job.unreadable, f"job-{job.id}")
                dropped = await ending.end_job(
                    transaction, row, JobState.FAILED, "queue", failure=failure
                )
            log_end(job, "failed")
            await self._core.discard_working(dropped)

    async def _chosen(self, transaction: Transaction, engine_id: str) -> int | None:
        """The job for an engine that others may outdo; see `jobs.scheduling.dispatch`."""
        queued = await first_loads(transaction.connection, LOOK_AHEAD)
        if not queued:
            return None
        now = transaction.now
        fleet = await read_fleet(transaction.connection, now, self._speeds)
        if all(engine.id != engine_id for engine in fleet.engines):
            return None
        without = self._stalled.without(fleet, now)
        choice = choose_job(queued, fleet, engine_id, without)
        self._stalled.note_deferrals(fleet, choice.deferred_to, now)
        return choice.job_id

    async def _nothing_queued(self) -> bool:
        async with self._database.read() as connection:
            return await connection.scalar(leases.next_job()) is None


async def _refuse_others_job(transaction: Transaction, job_id: int) -> None:
    """Refuse a job that this version cannot read, if another version serves the queue.

    An engine may have been forgotten at an upgrade, and must not fail jobs of the new version. If
    this is the version that serves, nobody will ever be able to read the job.

    Raises:
        OtherVersionError: another version serves the queue.
    """
    serves = None
    if (newer := await newer_schema(transaction.connection)) is not None:
        serves = f"the database has schema {newer}, of a newer version"
    for bot in await bots_alive(transaction.connection, transaction.now):
        if bot.info.version != VERSION:
            serves = f"the bot on {bot.info.host} is of version {bot.info.version}"
    if serves is not None:
        raise OtherVersionError(
            f"This engine, of version {VERSION}, cannot read job {job_id}, and {serves}: stop it, "
            "and start an engine of the bot's version (docs/upgrade.md)."
        )
