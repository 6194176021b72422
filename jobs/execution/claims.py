"""Claims with a lease and a fence, and everything that an engine writes under them.

A claim raises the job's fence. Every write of an engine has the fence of its claim in the WHERE of
its UPDATE. Once somebody else has claimed the job, or it was taken away, the write matches no row,
and the engine learns that its lease is lost. Leases expire by the database's clock (PostgreSQL's
own, or that of the machine with the SQLite file), so an engine with a wrong clock neither loses nor
keeps a job wrongly.
"""

import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from jobs.core import change_job, record_event, row_of, use_pictures
from jobs.db import schema
from jobs.db.database import CHANGED_TOPIC, Row, Transaction
from jobs.db.rows import J, to_json
from jobs.execution import ending, leases
from jobs.execution.claiming import Claiming
from jobs.execution.engines import measure, seen
from jobs.execution.style_removal import leave_out
from jobs.model import (
    ENDED,
    Claim,
    Failure,
    FailureKind,
    JobState,
    PaintReport,
    Progress,
)
from jobs.outcomes import LeaseHeld, LeaseLost, LeaseOutcome
from jobs.picture_roles import (
    CHECKPOINT,
    FRAME,
    PREVIEW,
    PREVIEW_BEFORE,
    RESULT,
    TIMELAPSE,
    clip_roles,
    finished_parts,
    key_in,
    variant_roles,
)
from jobs.picture_sizes import note_sizes
from jobs.scans import note_unreachable_scan

_Ending = Callable[[Transaction, Row, str], Awaitable[list[str]]]
"""Ends a locked job on behalf of an actor; returns as `ending.end_job` does."""


class Claims(Claiming):
    """Everything that an engine does with a job that it has claimed."""

    async def renew(self, claim: Claim) -> LeaseOutcome:
        """Renew a claim's lease: it expires its `lease_seconds` from now."""
        async with self._database.write(durable=False) as transaction:
            until = transaction.now + claim.lease_seconds
            held = await leases.fenced_update(transaction, claim, lease_expires_at=until)
            await seen(transaction, claim.engine_id)
            return held

    async def report_progress(self, claim: Claim, progress: Progress) -> LeaseOutcome:
        """Store a job's progress, in three statements.

        The newest two previews are kept, as the delivery may be about to read the older one.
        """
        values: dict[str, Any] = {"progress": to_json(progress), "revision": J.revision + 1}
        key = progress.preview_key
        if key is not None:
            values["preview_key"] = key
        dropped: str | None = None
        async with self._database.write(durable=False) as transaction:
            returning = [
                J.cancel_requested,
                key_in(claim.job.id, PREVIEW).label("newest"),
                key_in(claim.job.id, PREVIEW_BEFORE).label("before"),
                *transaction.notifications(CHANGED_TOPIC),
            ]
            row = await leases.fenced_update_returning(
                transaction, claim, returning, progress_at=transaction.now, **values
            )
            if row is None:
                return LeaseLost()
            needed: dict[str, str | None] = {}
            if progress.done:
                known = await finished_parts(transaction, claim.job.id)
                needed |= variant_roles(progress.done).items() - known.items()
            if key is not None and key != row.newest:
                needed |= {PREVIEW: key, PREVIEW_BEFORE: row.newest}
                dropped = row.before
            await use_pictures(transaction, claim.job.id, needed)
        if dropped is not None:
            await self._core.discard_working([dropped])
        return LeaseHeld(cancel_requested=bool(row.cancel_requested))

    async def save_checkpoint(
        self, claim: Claim, key: str, frames: Mapping[int, str] = MappingProxyType({})
    ) -> LeaseOutcome:
        """Record the checkpoint from which another engine resumes if this one dies.

        Args:
            claim: of the job.
            key: of the checkpoint.
            frames: keys of the frames painted since the last checkpoint, by frame number. Frames
                recorded before stay valid, unless frame 0 is among the new ones: then the clip was
                restarted.
        """
        uses = schema.picture_uses.c
        roles = {CHECKPOINT: key} | {f"{FRAME}{number:06d}": of for number, of in frames.items()}
        goes = uses.role == CHECKPOINT
        if 0 in frames:
            goes = sa.or_(goes, uses.role.startswith(FRAME))
        async with self._database.write() as transaction:
            held = await leases.fenced_update(transaction, claim, checkpoint_key=key)
            if isinstance(held, LeaseLost):
                return held
            old = await transaction.scalars(
                sa.delete(schema.picture_uses)
                .where(uses.job_id == claim.job.id, goes)
                .returning(uses.key)
            )
            dropped = set(old) - set(roles.values())
            await use_pictures(transaction, claim.job.id, roles)
        await self._core.discard_working(dropped)
        return held

    async def _leave(
        self, claim: Claim, ends: _Ending, finished: tuple[str, ...] = ()
    ) -> LeaseOutcome:
        """End a claim with `ends`, or as cancelled if that was requested.

        A cancelled job with several pictures keeps those that are `finished`.
        """
        actor = f"engine:{claim.engine_id}"
        async with self._database.write() as transaction:
            row = await leases.held_row(transaction, claim)
            if row is None:
                return LeaseLost()
            if cancelled := bool(row.cancel_requested):
                await use_pictures(transaction, row.id, variant_roles(finished))
                dropped = await _cancelled(transaction, row, actor)
            else:
                dropped = await ends(transaction, row, actor)
        await self._core.discard_working(dropped)
        return LeaseHeld(cancel_requested=cancelled)

    async def leave_out(self, claim: Claim, presets: Collection[str]) -> LeaseOutcome:
        """Remove unavailable paintings from a job with one version per style.

        They do not count against the member's daily limit, and the job's message names them.
        Idempotent; may be called again with more of them.

        Args:
            claim: of the job, which must have other styles besides.
            presets: IDs of all paintings left out so far.
        """
        async with self._database.write() as transaction:
            row = await leases.held_row(transaction, claim)
            if row is None:
                return LeaseLost()
            await leave_out(transaction, row, presets)
        return LeaseHeld(cancel_requested=bool(row.cancel_requested))

    async def finish(
        self,
        claim: Claim,
        result_key: str,
        report: PaintReport,
        *,
        timelapse_key: str | None = None,
    ) -> LeaseOutcome:
        """Finish the job with its picture, or as cancelled if that was requested meanwhile."""

        async def done(transaction: Transaction, row: Row, actor: str) -> list[str]:
            roles = {RESULT: result_key, TIMELAPSE: timelapse_key, **report.records}
            if report.clip is not None:
                roles |= clip_roles(report.clip)
            await use_pictures(transaction, row.id, roles | variant_roles(report.variants))
            made = (result_key, timelapse_key, *report.variants, *report.records.values())
            await note_sizes(transaction, self._core.store, filter(None, made))
            dropped = await ending.end_job(
                transaction,
                row,
                JobState.DONE,
                actor,
                result_key=result_key,
                timelapse_key=timelapse_key,
                report=to_json(report),
            )
            if claim.checkpoint_key is None and not claim.done:
                # A resumed job does not show how long all of it takes.
                seconds = report.seconds if report.whole_seconds is None else report.whole_seconds
                await measure(transaction, row, claim.engine_id, seconds)
                self._speeds.forget()
            return dropped

        return await self._leave(claim, done, report.variants)

    async def fail(self, claim: Claim, failure: Failure, *, retry: bool = False) -> LeaseOutcome:
        """End the job as failed. With `retry` it is requeued, up to three attempts in all."""

        async def failed(transaction: Transaction, row: Row, actor: str) -> list[str]:
            if retry and row.deaths + 1 < ending.DEATHS_ALLOWED:
                details = {"error_id": failure.error_id}
                return await ending.requeue(
                    transaction, row, "failed_once", actor, died=True, details=details
                )
            dropped = await ending.end_job(
                transaction, row, JobState.FAILED, actor, failure=failure
            )
            if failure.kind is FailureKind.STYLE_MISSING:
                await note_unreachable_scan(transaction)
            return dropped

        return await self._leave(claim, failed)

    async def cancelled(self, claim: Claim) -> LeaseOutcome:
        """End the job as cancelled, after the engine has stopped painting."""
        return await self._leave(claim, _cancelled)

    async def release(self, claim: Claim, *, reason: str | None = None) -> LeaseOutcome:
        """Requeue the job at its old place, without counting an attempt.

        For an orderly shutdown, or a reason outside of the job.
        """
        details = {} if reason is None else {"reason": reason}

        async def back(transaction: Transaction, row: Row, actor: str) -> list[str]:
            return await ending.requeue(
                transaction, row, "released", actor, died=False, details=details
            )

        return await self._leave(claim, back)

    async def hung(self, claim: Claim, reason: str, failure: Failure) -> LeaseOutcome:
        """Requeue the job without counting an attempt; the third time it hung an engine, fail it.

        An engine that hung first paints a tiny picture before its device gets another job
        (`engines.was_in_trouble`), so a broken device is not what hangs again and again.
        """
        events, details = schema.events.c, {"reason": reason}

        async def back(transaction: Transaction, row: Row, actor: str) -> list[str]:
            its = events.job_id == row.id
            retried = sa.select(sa.func.max(events.id)).where(its, events.kind == ending.RETRIED)
            since = events.id > sa.func.coalesce(retried.scalar_subquery(), 0)
            earlier = sa.select(sa.func.count()).where(its, events.kind == ending.HUNG, since)
            if (await transaction.scalar(earlier) or 0) + 1 < ending.HANGS_ALLOWED:
                return await ending.requeue(
                    transaction, row, ending.HUNG, actor, died=False, details=details
                )
            return await ending.end_lost(transaction, row, ending.HUNG, actor, failure)

        return await self._leave(claim, back)

    async def survived(self, claim: Claim) -> bool:
        """Undo the death counted for an engine that lost its lease but is alive.

        It was suspended, or cut off from the database. Returns whether a death was counted.
        """
        async with self._database.write() as transaction:
            row = await row_of(transaction, claim.job.id)
            if row is None or row.deaths == 0 or row.state in ENDED:
                return False
            kinds = schema.events.c.kind.in_((ending.DIED, ending.SURVIVED))
            its = sa.select(schema.events).where(schema.events.c.job_id == row.id, kinds)
            told = await transaction.all(its)
            mine = [e.kind for e in told if json.loads(e.details).get("fence") == claim.fence]
            if mine != [ending.DIED]:
                return False
            await change_job(transaction, row.id, deaths=J.deaths - 1)
            actor = f"engine:{claim.engine_id}"
            await record_event(transaction, row.id, ending.SURVIVED, actor, {"fence": claim.fence})
        return True


async def _cancelled(transaction: Transaction, row: Row, actor: str) -> list[str]:
    return await ending.end_job(transaction, row, JobState.CANCELLED, actor)
