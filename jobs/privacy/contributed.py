"""Pictures that a member contributed to other members' jobs, which are remixes of theirs.

When the member has their data erased, their pictures are removed there, too. A finished painting
stays, since it belongs to whoever asked for it. But it cannot be painted again or compared with the
photograph, and its time-lapse is deleted, as it begins with the photograph.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import sqlalchemy as sa

from common.options import PaintInputs
from common.sentences import sentence
from jobs.core import QueueCore, change_job, record_event, row_of
from jobs.db import schema
from jobs.db.database import CHANGED_TOPIC, Transaction
from jobs.db.rows import J, job_from_row, json_object, lenient, moment, to_json
from jobs.execution.ending import end_job
from jobs.execution.job_log import log_end
from jobs.management.cancelling import forget_clearing, lock_with_flow
from jobs.model import ENDED, Failure, FailureKind, JobState
from jobs.picture_roles import INPUT, PREVIEW, TIMELAPSE
from jobs.privacy.retention import drop_pictures
from jobs.submission.intakes import close_intakes

TAKEN_BACK = sentence(
    "The member who provided a picture for this has had their data erased, so it cannot be "
    "painted; please use /paint with a picture of your own."
)
_BATCH = 500
Keys = frozenset[str]


@dataclass(frozen=True)
class Contributed:
    """The pictures that a member contributed, by job."""

    keys: dict[int, Keys]
    """By job of theirs: the input pictures that do not come from another member's job."""
    parents: dict[int, int | None]
    """By job of theirs: the job that it is a remix of."""


async def contributed_by(
    core: QueueCore, user_id: int, which: sa.ColumnElement[bool]
) -> Contributed:
    """The pictures that a member contributed with those of their jobs that meet a condition.

    Call it before these jobs are erased. If it is no longer known where a job's pictures come from,
    they count as its member's.
    """
    columns = (J.id, J.inputs, J.parent_job_id)
    async with core.database.read() as connection:
        theirs = (J.user_id == user_id, which)
        mine = (await connection.execute(sa.select(*columns).where(*theirs))).all()
        others: dict[int, Keys] = {}
        parents = [row.parent_job_id for row in mine if row.parent_job_id is not None]
        for some in _batches(parents):
            found = await connection.execute(
                sa.select(J.id, J.inputs).where(J.id.in_(some), J.user_id != user_id)
            )
            others |= {row.id: _keys(row.inputs) for row in found}
        keys = {row.id: _keys(row.inputs) - others.get(row.parent_job_id, Keys()) for row in mine}
        # Styles saved for a server stay there, and so in the paintings that use them.
        styles = schema.user_styles.c
        of_servers = sa.select(styles.picture_key).where(styles.scope == "guild")
        kept = set(await connection.scalars(of_servers))
    parents_of = {row.id: row.parent_job_id for row in mine}
    return Contributed({job_id: each - kept for job_id, each in keys.items()}, parents_of)


async def withdraw(core: QueueCore, user_id: int, contributed: Contributed) -> list[str]:
    """Remove a member's pictures from other members' remixes of their jobs, direct or indirect.

    Call it when the member's own jobs are erased: from then on nobody can remix them.

    Returns:
        The keys of the removed files.
    """
    dropped: set[str] = set()
    frontier = {job_id: keys for job_id, keys in contributed.keys.items() if keys}
    seen = set(contributed.keys)
    while frontier:
        found: dict[int, Keys] = {}
        for parents in _batches(frontier):
            statement = sa.select(J.id, J.parent_job_id, J.inputs, J.user_id)
            for row in await core.database.all(statement.where(J.parent_job_id.in_(parents))):
                # If an erasure was interrupted, remixes of this one may still have the pictures.
                is_done = _is_taken_back(row.inputs)
                brings = frontier[row.parent_job_id]
                keys = brings if is_done else _keys(row.inputs) & brings
                if keys and row.id not in seen:
                    found[row.id] = keys
                    if row.user_id != user_id and not is_done:
                        dropped |= await _withdraw_from(core, row.id, keys)
        seen |= set(found)
        frontier = found
    for ids in _batches(seen):
        async with core.database.write() as transaction:
            await _close_intakes_from(transaction, user_id, set(ids))
    for job_id, parent_id in contributed.parents.items():
        async with core.database.write() as transaction:
            # Keep the lineage of the remaining jobs.
            await transaction.execute(
                sa.update(schema.jobs)
                .where(J.parent_job_id == job_id)
                .values(parent_job_id=parent_id)
            )
    return sorted(dropped)


async def _withdraw_from(core: QueueCore, job_id: int, keys: Keys) -> set[str]:
    """Remove pictures from one job; returns the keys that it no longer needs."""
    async with core.database.write() as transaction:
        row = await lock_with_flow(transaction, job_id)
        inputs = None if row is None else lenient(PaintInputs, row.inputs)
        if row is None or inputs is None:
            return set()
        gone = set[str]()
        if row.state not in ENDED:
            failure = Failure.of(FailureKind.ERASED, TAKEN_BACK, f"job-{job_id}")
            gone |= {*await end_job(transaction, row, JobState.FAILED, "queue", failure=failure)}
        await forget_clearing(transaction, job_id)
        left = to_json(inputs.taken_back())
        await change_job(transaction, job_id, inputs=left, revision=J.revision + 1)
        await record_event(transaction, job_id, "pictures_taken_back", "queue")
        await transaction.notify(CHANGED_TOPIC)
        now = await row_of(transaction, job_id)
        if row.state == JobState.DONE:
            gone |= await _drop_contributed(transaction, job_id, keys)
        elif now is not None and now.result_key is not None:  # some of several were finished
            gone |= await _drop_contributed(transaction, job_id, keys, PREVIEW)
            await change_job(transaction, job_id, preview_key=None)
        else:  # an unfinished painting still shows the photograph
            gone |= {*await drop_pictures(transaction, row)}
        ended = replace(job_from_row(row), ended_at=moment(transaction.now))
    if row.state not in ENDED:
        log_end(ended, "failed")
    return gone


async def _drop_contributed(
    transaction: Transaction, job_id: int, keys: Keys, *roles: str
) -> set[str]:
    """Remove contributed pictures, time-lapse and these roles from a job; returns the keys."""
    uses = schema.picture_uses
    goes = sa.or_(
        sa.and_(uses.c.role.startswith(INPUT), uses.c.key.in_(keys)),
        uses.c.role.in_((TIMELAPSE, *roles)),
    )
    gone = await transaction.scalars(
        sa.delete(uses).where(uses.c.job_id == job_id, goes).returning(uses.c.key)
    )
    await change_job(transaction, job_id, timelapse_key=None)
    return set(gone)


async def _close_intakes_from(transaction: Transaction, user_id: int, parents: set[int]) -> None:
    """Close other members' open intakes that are remixes of these jobs."""
    columns = schema.intakes.c
    opened = await transaction.execute(
        sa.select(schema.intakes).where(columns.closed_at.is_(None), columns.user_id != user_id)
    )
    ids = [
        row.interaction_id
        for row in opened
        if json_object(row.payload).get("parent_job_id") in parents
    ]
    if ids:
        await close_intakes(transaction, columns.interaction_id.in_(ids), erased=True)


def _keys(inputs: str) -> Keys:
    read = lenient(PaintInputs, inputs)
    return Keys() if read is None else Keys(read.picture_keys())


def _is_taken_back(inputs: str) -> bool:
    read = lenient(PaintInputs, inputs)
    return read is not None and read.erased


def _batches(ids: Iterable[int]) -> Iterable[list[int]]:
    every = sorted(ids)
    return (every[first : first + _BATCH] for first in range(0, len(every), _BATCH))
