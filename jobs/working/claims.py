"""What engines do: claims with a lease and a fence, and what is written under them.

A claim raises the job's fence. Every write of an engine names the fence it was given, in the
WHERE of its UPDATE: once somebody else has claimed the job, or it was taken away, the write
finds no row, and the engine learns that its lease is lost. Leases end by the database's clock
(PostgreSQL's own, or the machine's that holds the SQLite file), so engines whose clocks are
wrong neither lose nor keep a job unduly.
"""

import time
from typing import Any

import sqlalchemy as sa

from common.sentences import sentence
from jobs.core import QueueCore, use_picture
from jobs.db import schema
from jobs.db.database import CHANGED_TOPIC, Transaction
from jobs.db.rows import IS_RUNNING, J, Record, job_from_row, moment, to_json
from jobs.model import (
    Claim,
    Failure,
    FailureKind,
    JobState,
    PaintReport,
    Progress,
)
from jobs.order.standings import SpeedCache
from jobs.outcomes import LeaseHeld, LeaseLost, LeaseOutcome
from jobs.working.ending import DEATHS_ALLOWED, end_job, requeue
from jobs.working.engines import measure, seen
from jobs.working.leases import guarded, held_row, next_job, take

LEASE_SECONDS = 30.0
_REAP_EVERY_SECONDS = 1.0
_VARIANT_ROLE = "variant:"


class Claims:
    """What an engine does with the job that it holds."""

    def __init__(self, core: QueueCore, speeds: SpeedCache) -> None:
        self._core = core
        self._speeds = speeds
        self._reaped_at = float("-inf")

    async def claim(self, engine_id: str, *, lease_seconds: float = LEASE_SECONDS) -> Claim | None:
        """Take the next job, or None when there is none to be had."""
        if time.monotonic() - self._reaped_at >= _REAP_EVERY_SECONDS:
            await self.reap()
        while True:
            if not self._core.database.postgres and await self._nothing_queued():
                # Most questions find nothing; on SQLite they need not wait for a writer's turn.
                return None
            async with self._core.database.write() as transaction:
                row = await take(transaction, engine_id, lease_seconds)
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
                        done=tuple((await _kept_variants(transaction, job.id)).values()),
                    )
                failure = Failure.of(FailureKind.INTERNAL, job.unreadable, f"job-{job.id}")
                await end_job(transaction, row, JobState.FAILED, "queue", failure=failure)

    async def _nothing_queued(self) -> bool:
        async with self._core.database.read() as connection:
            return await connection.scalar(next_job()) is None

    async def renew(self, claim: Claim, lease_seconds: float = LEASE_SECONDS) -> LeaseOutcome:
        """Keep a claim for `lease_seconds` from now on."""
        async with self._core.database.write(precious=False) as transaction:
            held = await guarded(
                transaction, claim, lease_expires_at=transaction.now + lease_seconds
            )
            await seen(transaction, claim.engine_id)
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
        async with self._core.database.write(precious=False) as transaction:
            values["progress_at"] = transaction.now
            held = await guarded(transaction, claim, **values)
            if held is None:
                return LeaseLost()
            await _keep_variants(transaction, claim.job.id, progress.done)
            if progress.preview_key is not None:
                dropped = await _turn_over_preview(transaction, claim.job.id, progress.preview_key)
            await transaction.notify(CHANGED_TOPIC)
        if dropped is not None:
            await self._core.discard_working([dropped])
        return _outcome(held)

    async def save_checkpoint(self, claim: Claim, key: str) -> LeaseOutcome:
        """Name the checkpoint from which another engine goes on if this one dies."""
        uses = schema.picture_uses.c
        async with self._core.database.write() as transaction:
            old = await transaction.connection.scalar(
                sa.select(uses.key).where(uses.job_id == claim.job.id, uses.role == "checkpoint")
            )
            held = await guarded(transaction, claim, checkpoint_key=key)
            if held is None:
                return LeaseLost()
            await use_picture(transaction, claim.job.id, "checkpoint", key)
        if old is not None and old != key:
            await self._core.discard_working([old])
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
        async with self._core.database.write() as transaction:
            row = await held_row(transaction, claim)
            if row is None:
                return LeaseLost()
            if row.cancel_requested:
                await end_job(transaction, row, JobState.CANCELLED, f"engine:{claim.engine_id}")
                return LeaseHeld(cancel_requested=True)
            await use_picture(transaction, row.id, "result", result_key)
            await use_picture(transaction, row.id, "timelapse", timelapse_key)
            for name, key in report.records.items():
                await use_picture(transaction, row.id, name, key)
            await _keep_variants(transaction, row.id, report.variants)
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
                await measure(transaction, row, claim.engine_id, report.seconds)
                self._speeds.forget()
        return LeaseHeld()

    async def fail(self, claim: Claim, failure: Failure, *, retry: bool = False) -> LeaseOutcome:
        """End the job as failed; with `retry` it gets another chance, up to three in all."""
        actor = f"engine:{claim.engine_id}"
        async with self._core.database.write() as transaction:
            row = await held_row(transaction, claim)
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
        async with self._core.database.write() as transaction:
            row = await held_row(transaction, claim)
            if row is None:
                return LeaseLost()
            await end_job(transaction, row, JobState.CANCELLED, f"engine:{claim.engine_id}")
        return LeaseHeld(cancel_requested=True)

    async def release(self, claim: Claim) -> LeaseOutcome:
        """Give the job back, at its old place and without a stain: an ordered shutdown."""
        actor = f"engine:{claim.engine_id}"
        async with self._core.database.write() as transaction:
            row = await held_row(transaction, claim)
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
        async with self._core.database.read() as connection:
            now = await self._core.database.now_in(connection)
            expired = sa.and_(IS_RUNNING, J.lease_expires_at < now)
            if await connection.scalar(sa.select(J.id).where(expired).limit(1)) is None:
                return []
        statement = sa.select(schema.jobs).where(expired).order_by(J.id)
        async with self._core.database.write() as transaction:
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
        lost = sentence(
            "The painter stopped {count} times while painting this, so it was given up; please "
            "try a smaller size.",
            count=DEATHS_ALLOWED,
        )
        failure = Failure.of(FailureKind.LOST, lost, f"job-{row.id}")
        await end_job(transaction, row, JobState.FAILED, "queue", failure=failure)


def _outcome(held: bool | None) -> LeaseOutcome:
    return LeaseLost() if held is None else LeaseHeld(cancel_requested=held)


async def _keep_variants(transaction: Transaction, job_id: int, keys: tuple[str, ...]) -> None:
    """Make the job need the versions of it that are finished."""
    if not keys:
        return
    known = await _kept_variants(transaction, job_id)
    for number, key in enumerate(keys):
        if known.get(role := f"{_VARIANT_ROLE}{number}") != key:
            await use_picture(transaction, job_id, role, key)


async def _kept_variants(transaction: Transaction, job_id: int) -> dict[str, str]:
    """The finished versions that a job needs, by their roles, in their order."""
    uses = schema.picture_uses.c
    kept = await transaction.connection.execute(
        sa.select(uses.role, uses.key)
        .where(uses.job_id == job_id, uses.role.startswith(_VARIANT_ROLE))
        .order_by(uses.role)
    )
    return {str(row.role): str(row.key) for row in kept}


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
