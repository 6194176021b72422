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

from dataclasses import dataclass

import sqlalchemy as sa

from jobs import schema
from jobs.database import Transaction
from jobs.records import IS_QUEUED, J, Record

FRONT, PRIORITY, NORMAL = 0, 1, 2
"""Bands of a server's own queue."""


@dataclass(frozen=True, slots=True)
class Tags:
    """Where a job stands in the order; the columns of the same names."""

    flow: int
    band: int
    user_start: float
    user_finish: float
    start: float
    finish: float


def flow_of(guild_id: int | None, user_id: int) -> int:
    """The outer flow of a job: its server, or for one in private the user."""
    return guild_id if guild_id is not None else -user_id


def flow_lock(flow: int) -> str:
    """Name of the lock that orders all changes to a server's part of the queue."""
    return f"atelier-flow:{flow}"


async def take_place(
    transaction: Transaction, *, flow: int, user_id: int, band: int, cost: float
) -> Tags:
    """Find the tags of a new job, and make room for it. The flow's lock must be held."""
    connection = transaction.connection
    virtual = await connection.scalar(
        sa.select(sa.func.max(J.user_start)).where(
            J.flow == flow, J.band == band, J.started_at.is_not(None)
        )
    )
    previous = await connection.scalar(
        sa.select(sa.func.max(J.user_finish)).where(J.flow == flow, J.user_id == user_id)
    )
    user_start = max(virtual or 0.0, previous or 0.0)
    return await _take_slot(transaction, flow, band, user_start, cost)


async def take_front(transaction: Transaction, *, flow: int, cost: float) -> Tags:
    """Find the tags that go before all others of the server. The flow's lock must be held."""
    first = await transaction.connection.scalar(
        sa.select(sa.func.min(J.user_start)).where(J.flow == flow, J.band == FRONT, IS_QUEUED)
    )
    return await _take_slot(transaction, flow, FRONT, (first or 0.0) - 1.0, cost)


async def _take_slot(
    transaction: Transaction, flow: int, band: int, user_start: float, cost: float
) -> Tags:
    connection = transaction.connection
    after = _after(flow, band, user_start)
    start = await connection.scalar(
        sa.select(J.start).where(*after).order_by(J.band, J.user_start, J.id).limit(1)
    )
    if start is None:
        virtual = await connection.scalar(
            sa.select(sa.func.max(J.start)).where(J.started_at.is_not(None))
        )
        previous = await connection.scalar(sa.select(sa.func.max(J.finish)).where(J.flow == flow))
        start = max(virtual or 0.0, previous or 0.0)
    else:
        await _shift(transaction, after, cost)
    return Tags(flow, band, user_start, user_start + cost, start, start + cost)


async def leave_place(transaction: Transaction, row: Record) -> None:
    """Close the gap of a job that leaves the queue unpainted. The flow's lock must be held."""
    after = _after(row.flow, row.band, row.user_start, row.id)
    await _shift(transaction, after, row.start - row.finish)


async def _shift(
    transaction: Transaction, which: tuple[sa.ColumnElement[bool], ...], by: float
) -> None:
    await transaction.connection.execute(
        sa.update(schema.jobs).where(*which).values(start=J.start + by, finish=J.finish + by)
    )


def _after(
    flow: int, band: int, user_start: float, job_id: int | None = None
) -> tuple[sa.ColumnElement[bool], ...]:
    """The server's queued jobs that come after this place in the inner order."""
    behind = sa.or_(
        J.band > band,
        sa.and_(J.band == band, J.user_start > user_start),
    )
    if job_id is not None:
        tied = sa.and_(J.band == band, J.user_start == user_start, J.id > job_id)
        behind = sa.or_(behind, tied)
    return (IS_QUEUED, J.flow == flow, behind)
