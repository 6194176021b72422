"""How a job leaves an engine: ended, or requeued at its old place."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from jobs.core import DAY_SECONDS, change_job, record_event
from jobs.db import schema
from jobs.db.database import CHANGED_TOPIC, QUEUED_TOPIC, Row, Transaction
from jobs.db.rows import J, lenient, to_json
from jobs.model import Failure, FailureKind, JobState, Progress
from jobs.picture_roles import (
    PREVIEW_BEFORE,
    VARIANT,
    finished_parts,
    is_working_file,
    keys_in,
)
from jobs.scheduling.fairness import close_gap, packet_length

DEATHS_ALLOWED = 3
"""The third death of its engine fails a job."""
HANGS_ALLOWED = 3
"""The third hang of its engine fails a job."""
DIED, SURVIVED, HUNG, RETRIED = "engine_died", "engine_survived", "engine_hung", "retried"
"""Kinds of events in a job's history."""

_E = schema.events.c


def queued_at() -> sa.ColumnElement[float]:
    """When a job began to wait: at its submission, or its last retry by the operator."""
    retries = (_E.job_id == J.id, _E.kind == RETRIED)
    retried_at = sa.select(sa.func.max(_E.at)).where(*retries).scalar_subquery()
    return sa.func.coalesce(retried_at, J.created_at)


async def end_job(
    transaction: Transaction,
    row: Row,
    state: JobState,
    actor: str,
    *,
    failure: Failure | None = None,
    **values: Any,
) -> list[str]:
    """End a job that the transaction has locked, and refund what should not count.

    A waiting job leaves no gap in the order: the transaction must hold its flow's lock.

    A job that failed through no fault of the user does not count against the daily limit. Otherwise
    the pictures that were painted or begun count, and the others do not. A job that killed its
    engines counts as begun, or a user could kill engines all day. Of a job with several pictures,
    the finished ones are kept and shown: see `Job.versions`.

    Returns:
        Keys of files that only its engine needed, to be discarded after the commit.
    """
    if row.state == JobState.QUEUED:
        await close_gap(transaction, row)
    if state is not JobState.DONE:
        finished = keys_in(await finished_parts(transaction, row.id), VARIANT)
        begun = _count_begun(row, len(finished))
        is_free = failure is not None and failure.kind not in {FailureKind.INPUT, FailureKind.LOST}
        values = {**({"counted": False} if is_free or not begun else {"pictures": begun}), **values}
        values |= _refunded_tags(row, begun)
        if finished:
            told = lenient(Progress, row.progress) or Progress(0, 0, 0.0)
            values["progress"] = to_json(replace(told, done=finished))
            values["result_key"] = finished[0]
    if failure is not None:
        values["failure"] = to_json(failure)
    await change_job(
        transaction,
        row.id,
        state=state.value,
        engine_id=None,
        lease_expires_at=None,
        checkpoint_key=None,
        ended_at=transaction.now,
        revision=J.revision + 1,
        **values,
    )
    uses = schema.picture_uses
    dropped = await transaction.execute(
        sa.delete(uses)
        .where(uses.c.job_id == row.id, is_working_file(uses.c.role))
        .returning(uses.c.role, uses.c.key)
    )
    # The delivery may be about to read this preview; garbage collection deletes it later.
    keys = [str(each.key) for each in dropped if each.role != PREVIEW_BEFORE]
    details = {} if failure is None else {"kind": failure.kind, "error_id": failure.error_id}
    await record_event(transaction, row.id, state.value, actor, details)
    await transaction.notify(CHANGED_TOPIC)
    return keys


def _count_begun(row: Row, finished: int) -> int:
    """How many pictures of a job are finished or were begun.

    An engine that requeued it without counting an attempt has begun only those that it finished.
    """
    return int(min(finished + (row.attempts > 0), row.pictures))


def _refunded_tags(row: Row, begun: int) -> dict[str, float]:
    """Finish tags of a job not painted to its end: its flows are not charged for the rest."""
    if row.started_at is None:
        return {"user_finish": 0.0, "finish": 0.0}
    share = 1 - max(1, begun) / max(1, row.pictures)
    rest = packet_length((row.finish - row.start) * share)
    return {"user_finish": row.user_finish - rest, "finish": row.finish - rest}


async def end_lost(
    transaction: Transaction, row: Row, kind: str, actor: str, failure: Failure
) -> list[str]:
    """Fail a job whose engines died or hung too often.

    It counts against the member's daily limit, or a user could kill engines all day; unless another
    member's job met the same within a day, which points to the machine.

    Args:
        transaction: has locked the job.
        row: the job.
        kind: event kind, `DIED` or `HUNG`.
        actor: who ends it, for the history.
        failure: what the member is told.

    Returns:
        As `end_job`.
    """
    events = schema.events.c
    others = (
        sa.select(events.id)
        .join(schema.jobs, J.id == events.job_id)
        .where(
            events.kind == kind,
            events.at > transaction.now - DAY_SECONDS,
            J.user_id != row.user_id,
        )
    )
    is_machines = await transaction.scalar(others.limit(1)) is not None
    values = {"counted": False} if is_machines else {}
    return await end_job(transaction, row, JobState.FAILED, actor, failure=failure, **values)


async def requeue(
    transaction: Transaction,
    row: Row,
    kind: str,
    actor: str,
    *,
    died: bool,
    details: Mapping[str, Any],
) -> list[str]:
    """Requeue a running job. Its tags have not changed, so it returns to its old place.

    Returns nothing to discard, in the form of `end_job`.
    """
    counted = {"deaths": J.deaths + 1} if died else {"attempts": J.attempts - 1}
    await change_job(
        transaction,
        row.id,
        state=JobState.QUEUED.value,
        engine_id=None,
        lease_expires_at=None,
        revision=J.revision + 1,
        **counted,
    )
    await record_event(transaction, row.id, kind, actor, details)
    await transaction.notify(QUEUED_TOPIC, CHANGED_TOPIC)
    return []
