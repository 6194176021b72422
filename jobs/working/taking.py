"""Which job an engine is given: one that it has already, the next in line, or one left to it."""

from common.version import VERSION
from jobs.core import VARIANT, QueueCore, QueuePart
from jobs.db.database import Transaction
from jobs.db.living import bots_alive
from jobs.db.migrate import newer_schema
from jobs.db.rows import job_from_row, moment
from jobs.model import Claim, Failure, FailureKind, JobState
from jobs.order.fleet import SpeedCache, read_fleet
from jobs.order.line import first_loads
from jobs.order.sharing import LOOK_AHEAD, Overlooked, choose
from jobs.outcomes import OtherVersionError, QueueUnavailableError
from jobs.working import ending, leases
from jobs.working.reaping import Reaper
from jobs.working.roles import finished_parts, keys_in
from jobs.working.saying import say_end

_REAP_EVERY_SECONDS = 1.0


class Taking(QueuePart):
    """Gives engines their jobs, and first takes away what dead ones held."""

    def __init__(self, core: QueueCore, speeds: SpeedCache, reaper: Reaper) -> None:
        super().__init__(core)
        self._speeds = speeds
        self._reaper = reaper
        self._overlooked = Overlooked()
        self._unsure: set[str] = set()
        """Engines that may have been given a job of which they were not told."""

    async def take(
        self, engine_id: str, *, lease_seconds: float = leases.LEASE_SECONDS
    ) -> Claim | None:
        """Take the next job, or None when there is none to be had.

        Args:
            engine_id: whose it is to be; it has no other.
            lease_seconds: for how long.
        """
        try:
            claim = await self._take(engine_id, lease_seconds)
        except QueueUnavailableError:
            self._unsure.add(engine_id)
            raise
        self._unsure.discard(engine_id)
        return claim

    async def _take(self, engine_id: str, lease_seconds: float) -> Claim | None:
        is_unsure = engine_id in self._unsure
        self._reaper.note_lease(lease_seconds)
        if self._reaper.is_due(_REAP_EVERY_SECONDS):
            await self._reaper.reap()
        while True:
            if not is_unsure and not self._database.postgres and await self._nothing_queued():
                # Most questions find nothing; on SQLite they need not wait for a writer's turn.
                return None
            async with self._database.write() as transaction:
                row = None
                if is_unsure:
                    row = await leases.take_own(transaction, engine_id, lease_seconds)
                if row is None:
                    row = await leases.take(transaction, engine_id, lease_seconds)
                if row is None:
                    job_id = await self._chosen(transaction, engine_id)
                    if job_id is None:
                        return None
                    row = await leases.take(transaction, engine_id, lease_seconds, job_id)
                if row is None:
                    continue  # another engine was faster
                job = job_from_row(row)
                if job.unreadable is None:
                    kept = await finished_parts(transaction, job.id)
                    return Claim(
                        job=job,
                        engine_id=engine_id,
                        fence=row.fence,
                        lease_expires_at=moment(row.lease_expires_at),
                        checkpoint_key=row.checkpoint_key,
                        done=keys_in(kept, VARIANT),
                        frames=keys_in(kept, ending.FRAME),
                    )
                await _refuse_others_job(transaction, job.id)
                failure = Failure.of(FailureKind.INTERNAL, job.unreadable, f"job-{job.id}")
                dropped = await ending.end_job(
                    transaction, row, JobState.FAILED, "queue", failure=failure
                )
            say_end(job, "failed")
            await self._core.discard_working(dropped)

    async def _chosen(self, transaction: Transaction, engine_id: str) -> int | None:
        """What an engine takes that others may do much better; see `jobs.order.sharing`."""
        line = await first_loads(transaction.connection, LOOK_AHEAD)
        if not line:
            return None
        now = transaction.now
        fleet = await read_fleet(transaction.connection, now, self._speeds)
        if all(engine.id != engine_id for engine in fleet.engines):
            return None
        without = self._overlooked.without(fleet, now)
        choice = choose(line, fleet, engine_id, without)
        self._overlooked.look(fleet, choice.left_to, now)
        return choice.job_id

    async def _nothing_queued(self) -> bool:
        async with self._database.read() as connection:
            return await connection.scalar(leases.next_job()) is None


async def _refuse_others_job(transaction: Transaction, job_id: int) -> None:
    """Leave a job that this version cannot read to the version that serves the queue.

    An engine may have been forgotten at an upgrade: what it cannot read is not its to fail. Where
    it is this version that serves, nobody will ever read the job.

    Raises:
        OtherVersionError: it is another one.
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
