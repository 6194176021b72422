"""What engines do: claims with a lease and a fence, and what is written under them.

A claim raises the job's fence. Every write of an engine names the fence it was given, in the
WHERE of its UPDATE: once somebody else has claimed the job, or it was taken away, the write
finds no row, and the engine learns that its lease is lost. Leases end by the database's clock
(PostgreSQL's own, or the machine's that holds the SQLite file), so engines whose clocks are
wrong neither lose nor keep a job unduly.
"""

import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from jobs.core import QueueCore, QueuePart, change_job, record, row_of, use_pictures
from jobs.db import schema
from jobs.db.database import CHANGED_TOPIC, Record, Transaction
from jobs.db.facts import SCANS_UNREACHABLE, write_fact
from jobs.db.rows import J, to_json
from jobs.model import (
    ENDED,
    Claim,
    Failure,
    FailureKind,
    JobState,
    PaintReport,
    Progress,
)
from jobs.order.fleet import SpeedCache
from jobs.outcomes import LeaseHeld, LeaseLost, LeaseOutcome
from jobs.picture_sizes import note_sizes
from jobs.working import ending, leases
from jobs.working.engines import measure, seen
from jobs.working.leaving_out import leave_out
from jobs.working.reaping import Reaper
from jobs.working.roles import clip_roles, finished_parts, key_in, variant_roles
from jobs.working.taking import Taking

_Ending = Callable[[Transaction, Record, str], Awaitable[list[str]]]
"""How a locked job ends, by an actor; returns as `ending.end_job` does."""


class Claims(QueuePart):
    """What an engine does with the job that it holds."""

    def __init__(self, core: QueueCore, speeds: SpeedCache) -> None:
        super().__init__(core)
        self._speeds = speeds
        self._reaper = Reaper(core)
        self._taking = Taking(core, speeds, self._reaper)

    async def claim(
        self, engine_id: str, *, lease_seconds: float = leases.LEASE_SECONDS
    ) -> Claim | None:
        """See `jobs.working.taking.Taking.take`."""
        return await self._taking.take(engine_id, lease_seconds=lease_seconds)

    async def renew(
        self, claim: Claim, lease_seconds: float = leases.LEASE_SECONDS
    ) -> LeaseOutcome:
        """Keep a claim for `lease_seconds` from now on."""
        async with self._database.write(precious=False) as transaction:
            until = transaction.now + lease_seconds
            held = await leases.guarded(transaction, claim, lease_expires_at=until)
            await seen(transaction, claim.engine_id)
            return held

    async def report_progress(self, claim: Claim, progress: Progress) -> LeaseOutcome:
        """Say how far the job is, in three statements.

        Of its previews the newest two are kept: the delivery may be about to read the one before.
        """
        values: dict[str, Any] = {"progress": to_json(progress), "revision": J.revision + 1}
        key = progress.preview_key
        if key is not None:
            values["preview_key"] = key
        dropped: str | None = None
        async with self._database.write(precious=False) as transaction:
            returning = [
                J.cancel_requested,
                key_in(claim, ending.PREVIEW).label("newest"),
                key_in(claim, ending.PREVIEW_BEFORE).label("before"),
                *transaction.notifications(CHANGED_TOPIC),
            ]
            row = await leases.guarded_row(
                transaction, claim, returning, progress_at=transaction.now, **values
            )
            if row is None:
                return LeaseLost()
            needed: dict[str, str | None] = {}
            if progress.done:
                known = await finished_parts(transaction, claim.job.id)
                needed |= variant_roles(progress.done).items() - known.items()
            if key is not None and key != row.newest:
                needed |= {ending.PREVIEW: key, ending.PREVIEW_BEFORE: row.newest}
                dropped = row.before
            await use_pictures(transaction, claim.job.id, needed)
        if dropped is not None:
            await self._core.discard_working([dropped])
        return LeaseHeld(cancel_requested=bool(row.cancel_requested))

    async def save_checkpoint(
        self, claim: Claim, key: str, frames: Mapping[int, str] = MappingProxyType({})
    ) -> LeaseOutcome:
        """Name the checkpoint from which another engine goes on if this one dies.

        Args:
            claim: of the job.
            key: of the checkpoint.
            frames: keys of the painted frames that are new with it, by their number. Those that
                were named before still belong to it; with the first one all begins anew.
        """
        uses = schema.picture_uses.c
        roles = {ending.CHECKPOINT: key} | {
            f"{ending.FRAME}{number:06d}": of for number, of in frames.items()
        }
        goes = uses.role == ending.CHECKPOINT
        if 0 in frames:
            goes = sa.or_(goes, uses.role.startswith(ending.FRAME))
        async with self._database.write() as transaction:
            held = await leases.guarded(transaction, claim, checkpoint_key=key)
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
        """Let a job leave its engine as this says, or as cancelled if that was asked for.

        Of several pictures those that are `finished` stay then, too.
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
        """Take paintings that cannot be had out of a job with a version in each of its styles.

        They are not counted to its member's day, and its message is to name them. To say so again,
        with more of them, is right.

        Args:
            claim: of the job, which has other styles besides.
            presets: all that are left out so far.
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
        """End the job with its picture, or as cancelled if that was asked for meanwhile."""

        async def done(transaction: Transaction, row: Record, actor: str) -> list[str]:
            roles = {"result": result_key, "timelapse": timelapse_key, **report.records}
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
                # A job that was gone on with does not say how long the whole of it takes.
                await measure(transaction, row, claim.engine_id, report.seconds)
                self._speeds.forget()
            return dropped

        return await self._leave(claim, done, report.variants)

    async def fail(self, claim: Claim, failure: Failure, *, retry: bool = False) -> LeaseOutcome:
        """End the job as failed; with `retry` it gets another chance, up to three in all."""

        async def failed(transaction: Transaction, row: Record, actor: str) -> list[str]:
            if retry and row.deaths + 1 < ending.DEATHS_ALLOWED:
                details = {"error_id": failure.error_id}
                return await ending.requeue(
                    transaction, row, "failed_once", actor, died=True, details=details
                )
            dropped = await ending.end_job(
                transaction, row, JobState.FAILED, actor, failure=failure
            )
            if failure.kind is FailureKind.STYLE_MISSING:
                await write_fact(transaction, SCANS_UNREACHABLE, str(transaction.now))
            return dropped

        return await self._leave(claim, failed)

    async def cancelled(self, claim: Claim) -> LeaseOutcome:
        """End the job as cancelled, after the engine has stopped painting."""
        return await self._leave(claim, _cancelled)

    async def release(self, claim: Claim, *, reason: str | None = None) -> LeaseOutcome:
        """Give the job back, at its old place and without a stain.

        At an ordered shutdown, or for a reason that lies in the surroundings, not in the job.
        """
        details = {} if reason is None else {"reason": reason}

        async def back(transaction: Transaction, row: Record, actor: str) -> list[str]:
            return await ending.requeue(
                transaction, row, "released", actor, died=False, details=details
            )

        return await self._leave(claim, back)

    async def hung(self, claim: Claim, reason: str, failure: Failure) -> LeaseOutcome:
        """Give the job back without a stain; but the third time it hung an engine, end it.

        An engine that hung is asked to paint a tiny picture before its device gets another job
        (`engines.was_in_trouble`), so it is not the device that hangs again and again.
        """
        events, details = schema.events.c, {"reason": reason}

        async def back(transaction: Transaction, row: Record, actor: str) -> list[str]:
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

    async def reap(self) -> list[int]:
        """See `jobs.working.reaping.Reaper.reap`."""
        return await self._reaper.reap()

    async def survived(self, claim: Claim) -> bool:
        """Take back the death of an engine that lost its lease and lives.

        It slept alone, or the network lay between it and the database. Whether there was a death
        to be taken back.
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
            await record(transaction, row.id, ending.SURVIVED, actor, {"fence": claim.fence})
        return True


async def _cancelled(transaction: Transaction, row: Record, actor: str) -> list[str]:
    return await ending.end_job(transaction, row, JobState.CANCELLED, actor)
