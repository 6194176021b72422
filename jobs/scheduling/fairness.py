"""The order of the queue: start-time fair queueing over servers, and over users in a server.

Goyal, Vin, Cheng: "Start-time Fair Queueing", SIGCOMM 1996, with predicted seconds of painting
as the length of a packet (equations 4 and 5):

    S(p) = max(v, F(previous p of the flow)),   F(p) = S(p) + length(p) / weight

and v is the start tag of what is in service. It is applied twice. Inside a server, each user is
a flow (`user_start`, `user_finish`), which decides the order of that server's jobs; a band goes
before it, so that roles with priority overtake their own server and nobody else's. Between
servers, each server is a flow (`start`, `finish`): its slots lie one after the other, and its
jobs take them in the inner order. A job that goes in between moves the server's later jobs back
by its own length, in one statement. So the whole queue has one order, (start, id), which never
changes for others' sake, an index gives it, and a place is a count in that index.

No table of virtual clocks is kept: all of it follows from the rows of `jobs`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from jobs.core import change_job
from jobs.db import schema
from jobs.db.asynchronous import AsyncConnection
from jobs.db.database import Row, Transaction
from jobs.db.rows import IS_QUEUED, J

FRONT, PRIORITY, NORMAL = 0, 1, 2
"""Priority bands within a server, the first before the others."""
_HAS_STARTED = J.started_at.is_not(None)


@dataclass(frozen=True)
class Tags:
    """A job's scheduling tags; the columns have the same names."""

    flow: int
    band: int
    user_start: float
    user_finish: float
    start: float
    finish: float

    @property
    def columns(self) -> dict[str, Any]:
        """Values for the columns of `jobs`."""
        return dict(vars(self))


def packet_length(seconds: float) -> float:
    """Predicted seconds of painting as the length of a packet.

    It is a multiple of 2⁻¹⁰ s, so sums and differences of tags are exact: places that a job gives
    up and gets back are the same, and no rounding error decides between two servers.
    """
    return round(seconds * 1024) / 1024


def flow_of(guild_id: int | None, user_id: int) -> int:
    """The outer flow of a job: its server; in direct messages, its user."""
    return guild_id if guild_id is not None else -user_id


def flow_lock(flow: int) -> str:
    """Name of the lock that serializes all changes to a server's part of the queue."""
    return f"atelier-flow:{flow}"


async def assign_tags(
    transaction: Transaction,
    *,
    flow: int,
    user_id: int,
    band: int,
    cost: float,
    job_id: int | None = None,
) -> Tags:
    """Compute a job's tags and shift the jobs behind it. The flow's lock must be held.

    Args:
        transaction: to read and write in.
        flow: see `flow_of`.
        user_id: the job's owner.
        band: see `NORMAL`.
        cost: predicted seconds of painting.
        job_id: of a job that has been queued before; a new one will have the largest ID.
    """
    latest = await _tags(
        transaction,
        sa.select(sa.func.max(J.user_start)).where(J.flow == flow, J.band == band, _HAS_STARTED),
        sa.select(sa.func.max(J.user_finish)).where(J.flow == flow, J.user_id == user_id),
    )
    user_start, cost = _latest(latest), packet_length(cost)
    tags = Tags(flow, band, user_start, user_start + cost, 0.0, cost)
    return await _with_slot(transaction, tags, job_id)


async def reassign_tags(transaction: Transaction, row: Row) -> Tags:
    """As `assign_tags`, for a job that has been queued before, in its previous band."""
    return await assign_tags(
        transaction,
        flow=row.flow,
        user_id=row.user_id,
        band=row.band,
        cost=row.predicted_seconds,
        job_id=row.id,
    )


async def assign_front_tags(transaction: Transaction, *, flow: int, cost: float) -> Tags:
    """Compute tags before all others of the server. The flow's lock must be held."""
    first = await transaction.scalar(
        sa.select(sa.func.min(J.user_start)).where(J.flow == flow, J.band == FRONT, IS_QUEUED)
    )
    user_start, cost = (first or 0.0) - 1.0, packet_length(cost)
    tags = Tags(flow, FRONT, user_start, user_start + cost, 0.0, cost)
    return await _with_slot(transaction, tags)


async def _with_slot(transaction: Transaction, tags: Tags, job_id: int | None = None) -> Tags:
    """The tags with a slot on the common time line."""
    cost = tags.finish - tags.start
    after = _after(tags.flow, tags.band, tags.user_start, job_id)
    start, *latest = await _tags(
        transaction,
        sa.select(J.start).where(*after).order_by(J.band, J.user_start, J.id).limit(1),
        sa.select(sa.func.max(J.start)).where(_HAS_STARTED),
        sa.select(sa.func.max(J.finish)).where(J.flow == tags.flow),
    )
    if start is None:
        start = _latest(latest)
    else:
        await _shift(transaction, after, cost)
    return replace(tags, start=start, finish=start + cost)


async def _tags(transaction: Transaction, *wanted: sa.Select[Any]) -> Sequence[float | None]:
    """The only value of each of these, asked for in one statement."""
    (row,) = await transaction.all(sa.select(*(each.scalar_subquery() for each in wanted)))
    return tuple(row)


def _latest(tags: Iterable[float | None]) -> float:
    """The latest of some tags; 0 without any."""
    return max(tag or 0.0 for tag in tags)


async def close_gap(transaction: Transaction, row: Row) -> None:
    """Close the gap of a job that leaves the queue without being painted.

    The flow's lock must be held.
    """
    after = _after(row.flow, row.band, row.user_start, row.id)
    await _shift(transaction, after, row.start - row.finish)


async def restore_tags(transaction: Transaction, row: Row, user_finish: float) -> Tags:
    """Compute the tags of a job that left the queue unpainted and returns to its old place.

    Args:
        transaction: to read and write in; it must hold the flow's lock.
        row: the job, with its other tags unchanged.
        user_finish: the tag that it had before it left.
    """
    behind = _after(row.flow, row.band, row.user_start, row.id)
    following = await transaction.scalar(sa.select(sa.func.min(J.start)).where(*behind))
    preceding = await transaction.scalar(
        sa.select(sa.func.max(J.finish)).where(IS_QUEUED, J.flow == row.flow, sa.not_(behind[-1]))
    )
    cost = packet_length(row.predicted_seconds)
    start = max(row.start, preceding or 0.0)
    if following is not None:
        start = min(start, following)
        if start + cost > following:
            await _shift(transaction, behind, start + cost - following)
    return Tags(row.flow, row.band, row.user_start, user_finish, start, start + cost)


@dataclass(frozen=True)
class Slot:
    """A waiting job's slot on the common time line."""

    job_id: int
    start: float
    finish: float


async def slots_after_pause(connection: AsyncConnection, flow: int) -> list[Slot]:
    """The slots of a paused server's waiting jobs if it were resumed now, in order.

    Other servers go on during a pause. If the server then took all the turns that it missed, the
    others would wait for as long as the pause lasted. So its jobs are placed one after the other
    from now on; those queued during the pause have such places already.
    """
    virtual = await connection.scalar(sa.select(sa.func.max(J.start)).where(_HAS_STARTED))
    waiting = sa.select(J.id, J.start, J.finish).where(IS_QUEUED, J.flow == flow)
    slots, end = list[Slot](), virtual or 0.0
    for row in await connection.execute(waiting.order_by(J.start, J.id)):
        start = max(row.start, end)
        end = row.finish + (start - row.start)  # exact for what stays where it is
        slots.append(Slot(row.id, start, end))
    return slots


async def reschedule_after_pause(transaction: Transaction, flow: int) -> None:
    """Reschedule a server's waiting jobs after a pause. The flow's lock must be held."""
    slots = await slots_after_pause(transaction.connection, flow)
    if not slots:
        return
    begins, ends = sa.bindparam("begins", type_=sa.Double), sa.bindparam("ends", type_=sa.Double)
    await transaction.execute(
        sa.update(schema.jobs).where(J.id == sa.bindparam("job")).values(start=begins, finish=ends),
        [{"job": each.job_id, "begins": each.start, "ends": each.finish} for each in slots],
    )


async def clear_tags(transaction: Transaction, row: Row) -> None:
    """Take a waiting job out of the order, until `assign_tags` gives it tags again.

    The flow's lock must be held.
    """
    await close_gap(transaction, row)
    # Outside every range of places, and with no finish tag that would delay its flows.
    aside = {"band": -1, "user_start": 0.0, "user_finish": 0.0, "finish": 0.0}
    await change_job(transaction, row.id, **aside)


async def _shift(
    transaction: Transaction, which: tuple[sa.ColumnElement[bool], ...], by: float
) -> None:
    await transaction.execute(
        sa.update(schema.jobs).where(*which).values(start=J.start + by, finish=J.finish + by)
    )


def _after(
    flow: int, band: int, user_start: float, job_id: int | None
) -> tuple[sa.ColumnElement[bool], ...]:
    """The server's queued jobs behind this place in the inner order."""
    behind = sa.or_(
        J.band > band,
        sa.and_(J.band == band, J.user_start > user_start),
    )
    if job_id is not None:
        tied = sa.and_(J.band == band, J.user_start == user_start, J.id > job_id)
        behind = sa.or_(behind, tied)
    return (IS_QUEUED, J.flow == flow, behind)
