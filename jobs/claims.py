"""The engine's side: claims with a lease and a fence, and what is written under them.

A claim raises the job's fence. Every write of an engine names the fence it was given, in the
WHERE of its UPDATE: once somebody else has claimed the job, or it was taken away, the write
finds no row, and the engine learns that its lease is lost. Leases end by the database's clock
(PostgreSQL's own, or the machine's that holds the SQLite file), so engines whose clocks are
wrong neither lose nor keep a job unduly.
"""

import time
from typing import Any

import sqlalchemy as sa

from jobs import schema
from jobs.core import record, use_picture
from jobs.database import CHANGED_TOPIC, Transaction
from jobs.ending import DEATHS_ALLOWED, end_job, requeue
from jobs.limits import EVERYWHERE
from jobs.model import (
    Claim,
    EngineInfo,
    Failure,
    FailureKind,
    JobState,
    PaintReport,
    Progress,
)
from jobs.outcomes import LeaseHeld, LeaseLost, LeaseOutcome
from jobs.records import IS_QUEUED, IS_RUNNING, J, Record, job_from_row, moment, to_json
from jobs.speeds import engine_kind, smoothed
from jobs.standings import Standings, engine_from_row

LEASE_SECONDS = 30.0
_REAP_EVERY_SECONDS = 1.0


class Claims(Standings):
    """The side of the queue that engines see."""

    _reaped_at: float = float("-inf")

    async def register_engine(self, engine: EngineInfo) -> None:
        """Count on an engine from now on."""
        table = schema.engines
        values = {
            "host": engine.host[:200],
            "device": engine.device[:200],
            "network": engine.network[:40],
            "version": engine.version[:40],
            "pid": engine.pid,
        }
        async with self.database.write() as transaction:
            now, connection = transaction.now, transaction.connection
            values |= {"started_at": now, "last_seen": now}
            await transaction.lock(f"atelier-engine:{engine.id}")
            await connection.execute(sa.delete(table).where(table.c.id == engine.id))
            await connection.execute(sa.insert(table).values(id=engine.id, **values))
            await transaction.notify(CHANGED_TOPIC)

    async def engine_heartbeat(self, engine_id: str) -> bool:
        """Note that an idle engine is alive; False when it has to register again."""
        async with self.database.write() as transaction:
            return await _seen(transaction, engine_id)

    async def forget_engine(self, engine_id: str) -> None:
        """Count on an engine no longer; what it has claimed is left to `release` or `reap`."""
        async with self.database.write() as transaction:
            where = schema.engines.c.id == engine_id
            await transaction.connection.execute(sa.delete(schema.engines).where(where))
            await transaction.notify(CHANGED_TOPIC)

    async def engines(self) -> list[EngineInfo]:
        """All registered engines with the time each was last heard of, the newest first."""
        statement = sa.select(schema.engines).order_by(schema.engines.c.last_seen.desc())
        async with self.database.read() as connection:
            return [engine_from_row(row) for row in (await connection.execute(statement)).all()]

    async def claim(self, engine_id: str, *, lease_seconds: float = LEASE_SECONDS) -> Claim | None:
        """Take the next job, or None when there is none to be had."""
        if time.monotonic() - self._reaped_at >= _REAP_EVERY_SECONDS:
            await self.reap()
        while True:
            async with self.database.read() as connection:
                # Most questions find nothing; they need not wait for a writer's turn.
                if await connection.scalar(_next_job()) is None:
                    return None
            async with self.database.write() as transaction:
                row = await _take(transaction, engine_id, lease_seconds)
                if row is None:
                    return None
                job = job_from_row(row)
                if job.unreadable is None:
                    return Claim(
                        job=job,
                        engine_id=engine_id,
                        fence=row.fence,
                        lease_expires_at=moment(row.lease_expires_at),
                        checkpoint_key=row.checkpoint_key,
                    )
                failure = Failure(FailureKind.INTERNAL, job.unreadable, f"job-{job.id}")
                await end_job(transaction, row, JobState.FAILED, "queue", failure=failure)

    async def renew(self, claim: Claim, lease_seconds: float = LEASE_SECONDS) -> LeaseOutcome:
        """Keep a claim for so many seconds from now on."""
        async with self.database.write() as transaction:
            held = await _guarded(
                transaction, claim, lease_expires_at=transaction.now + lease_seconds
            )
            await _seen(transaction, claim.engine_id)
            return _outcome(held)

    async def report_progress(self, claim: Claim, progress: Progress) -> LeaseOutcome:
        """Say how far the job is; a preview takes the place of the one before."""
        values: dict[str, Any] = {
            "progress": to_json(progress),
            "progress_at": None,
            "revision": J.revision + 1,
        }
        if progress.preview_key is not None:
            values["preview_key"] = progress.preview_key
        dropped: str | None = None
        async with self.database.write() as transaction:
            values["progress_at"] = transaction.now
            held = await _guarded(transaction, claim, **values)
            if held is None:
                return LeaseLost()
            if progress.preview_key is not None:
                dropped = await _turn_over_preview(transaction, claim.job.id, progress.preview_key)
            await transaction.notify(CHANGED_TOPIC)
        if dropped is not None:
            await self._discard([dropped])
        return _outcome(held)

    async def save_checkpoint(self, claim: Claim, key: str) -> LeaseOutcome:
        """Name the checkpoint from which another engine goes on if this one dies."""
        uses = schema.picture_uses.c
        async with self.database.write() as transaction:
            old = await transaction.connection.scalar(
                sa.select(uses.key).where(uses.job_id == claim.job.id, uses.role == "checkpoint")
            )
            held = await _guarded(transaction, claim, checkpoint_key=key)
            if held is None:
                return LeaseLost()
            await use_picture(transaction, claim.job.id, "checkpoint", key)
        if old is not None and old != key:
            await self._discard([old])
        return _outcome(held)

    async def finish(
        self,
        claim: Claim,
        result_key: str,
        report: PaintReport,
        *,
        timelapse_key: str | None = None,
    ) -> LeaseOutcome:
        """End the job with its picture, or as cancelled if that was asked for meanwhile."""
        async with self.database.write() as transaction:
            row = await _held_row(transaction, claim)
            if row is None:
                return LeaseLost()
            if row.cancel_requested:
                await end_job(transaction, row, JobState.CANCELLED, f"engine:{claim.engine_id}")
                return LeaseHeld(cancel_requested=True)
            await use_picture(transaction, row.id, "result", result_key)
            await use_picture(transaction, row.id, "timelapse", timelapse_key)
            await end_job(
                transaction,
                row,
                JobState.DONE,
                f"engine:{claim.engine_id}",
                result_key=result_key,
                timelapse_key=timelapse_key,
                report=to_json(report),
            )
            if row.attempts == 1:
                # A job that was resumed does not say how long the whole of it takes.
                await _measure(transaction, row, claim.engine_id, report.seconds)
        return LeaseHeld()

    async def fail(self, claim: Claim, failure: Failure, *, retry: bool = False) -> LeaseOutcome:
        """End the job as failed; with `retry` it gets another chance, up to three in all."""
        actor = f"engine:{claim.engine_id}"
        async with self.database.write() as transaction:
            row = await _held_row(transaction, claim)
            if row is None:
                return LeaseLost()
            if row.cancel_requested:
                await end_job(transaction, row, JobState.CANCELLED, actor)
                return LeaseHeld(cancel_requested=True)
            if retry and row.deaths + 1 < DEATHS_ALLOWED:
                await requeue(
                    transaction,
                    row,
                    "failed_once",
                    actor,
                    died=True,
                    details={"error_id": failure.error_id},
                )
            else:
                await end_job(transaction, row, JobState.FAILED, actor, failure=failure)
        return LeaseHeld()

    async def cancelled(self, claim: Claim) -> LeaseOutcome:
        """End the job as cancelled, after the engine has stopped painting."""
        async with self.database.write() as transaction:
            row = await _held_row(transaction, claim)
            if row is None:
                return LeaseLost()
            await end_job(transaction, row, JobState.CANCELLED, f"engine:{claim.engine_id}")
        return LeaseHeld(cancel_requested=True)

    async def release(self, claim: Claim) -> LeaseOutcome:
        """Give the job back, at its old place and without a stain: an ordered shutdown."""
        actor = f"engine:{claim.engine_id}"
        async with self.database.write() as transaction:
            row = await _held_row(transaction, claim)
            if row is None:
                return LeaseLost()
            if row.cancel_requested:
                await end_job(transaction, row, JobState.CANCELLED, actor)
            else:
                await requeue(transaction, row, "released", actor, died=False)
        return LeaseHeld()

    async def reap(self) -> list[int]:
        """Take the jobs of dead engines back into the queue; the ids of these jobs.

        A job whose engines died three times fails, since it may well be what kills them.
        """
        self._reaped_at = time.monotonic()
        expired = sa.and_(IS_RUNNING)
        async with self.database.read() as connection:
            now = await self.database.now_in(connection)
            expired = sa.and_(expired, J.lease_expires_at < now)
            if await connection.scalar(sa.select(J.id).where(expired).limit(1)) is None:
                return []
        statement = sa.select(schema.jobs).where(expired).order_by(J.id)
        async with self.database.write() as transaction:
            rows = await transaction.connection.execute(statement.with_for_update(skip_locked=True))
            reaped = rows.all()
            for row in reaped:
                await _reap_one(transaction, row)
        return [int(row.id) for row in reaped]


async def _reap_one(transaction: Transaction, row: Record) -> None:
    if row.cancel_requested:
        await end_job(transaction, row, JobState.CANCELLED, "queue")
    elif row.deaths + 1 < DEATHS_ALLOWED:
        await requeue(
            transaction, row, "engine_died", "queue", died=True, details={"engine": row.engine_id}
        )
    else:
        failure = Failure(
            FailureKind.LOST,
            f"The painter stopped {DEATHS_ALLOWED} times while painting this, so it was given "
            "up; please try a smaller size.",
            f"job-{row.id}",
        )
        await end_job(transaction, row, JobState.FAILED, "queue", failure=failure)


def _next_job() -> sa.Select[int]:
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


async def _take(transaction: Transaction, engine_id: str, lease_seconds: float) -> Record | None:
    """Make the first free job this engine's; the job as it is then."""
    # SKIP LOCKED (on PostgreSQL): engines that ask at the same moment do not wait in line.
    first = _next_job().with_for_update(skip_locked=True).scalar_subquery()
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


async def _guarded(transaction: Transaction, claim: Claim, **values: Any) -> bool | None:
    """Write to the job if it is still this claim's; whether it is to be cancelled, or None."""
    statement = sa.update(schema.jobs).where(*_mine(claim)).values(**values)
    result = await transaction.connection.execute(statement.returning(J.cancel_requested))
    row = result.one_or_none()
    return None if row is None else bool(row.cancel_requested)


async def _held_row(transaction: Transaction, claim: Claim) -> Record | None:
    statement = sa.select(schema.jobs).where(*_mine(claim)).with_for_update()
    return (await transaction.connection.execute(statement)).one_or_none()


def _outcome(held: bool | None) -> LeaseOutcome:
    return LeaseLost() if held is None else LeaseHeld(cancel_requested=held)


async def _seen(transaction: Transaction, engine_id: str) -> bool:
    result = await transaction.connection.execute(
        sa.update(schema.engines)
        .where(schema.engines.c.id == engine_id)
        .values(last_seen=transaction.now)
    )
    return bool(result.rowcount)


async def _turn_over_preview(transaction: Transaction, job_id: int, key: str) -> str | None:
    """Make this the job's preview; the one before the last is dropped.

    The last one stays, because the delivery may be about to read it.
    """
    uses = schema.picture_uses.c
    rows = await transaction.connection.execute(
        sa.select(uses.role, uses.key).where(
            uses.job_id == job_id, uses.role.in_(["preview", "preview:last"])
        )
    )
    before = {row.role: row.key for row in rows}
    await use_picture(transaction, job_id, "preview:last", before.get("preview"))
    await use_picture(transaction, job_id, "preview", key)
    return before.get("preview:last")


async def _measure(transaction: Transaction, row: Record, engine_id: str, seconds: float) -> None:
    """Learn from a finished job how fast this kind of engine is."""
    connection, table = transaction.connection, schema.speeds
    engine = (
        await connection.execute(sa.select(schema.engines).where(schema.engines.c.id == engine_id))
    ).one_or_none()
    if engine is None or seconds <= 0:
        return
    kind = engine_kind(engine_from_row(engine))
    # Many engines may finish their first job of a class at the same moment.
    await transaction.lock(f"atelier-speed:{kind}:{row.speed_class}")
    where = (table.c.engine_kind == kind, table.c.speed_class == row.speed_class)
    known = (await connection.execute(sa.select(table).where(*where))).one_or_none()
    samples = known.samples if known is not None else 0
    newest = smoothed(
        known.seconds_per_work if known is not None else None, samples, seconds / row.work
    )
    await connection.execute(sa.delete(table).where(*where))
    await connection.execute(
        sa.insert(table).values(
            engine_kind=kind,
            speed_class=row.speed_class,
            seconds_per_work=newest,
            samples=samples + 1,
            updated_at=transaction.now,
        )
    )
