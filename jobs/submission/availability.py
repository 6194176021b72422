"""Predicts when a waiting place will be free for a user who has too many jobs waiting."""

from dataclasses import replace

import sqlalchemy as sa

from jobs.core import PICTURES_LEFT
from jobs.db.asynchronous import AsyncConnection
from jobs.db.rows import IS_RUNNING, IS_UNFINISHED, J, moment
from jobs.model import Asker, QueuePosition
from jobs.outcomes import Refusal, Unforeseen
from jobs.scheduling.positions import QueuePositions
from jobs.submission.admission import places_for

_WAITING = frozenset({"max_waiting_per_user", "max_waiting_per_server"})
_LOOKED_AHEAD = 20
"""Jobs further behind than this are not expected to finish before those in front."""


async def with_forecast(
    positions: QueuePositions,
    connection: AsyncConnection,
    refusal: Refusal,
    asker: Asker,
    now: float,
) -> Refusal:
    """The refusal, with a predicted time if it depends on the queue.

    It computes a forecast for each job that has to end first, so do not call it in a writing
    transaction. Jobs that ended since the refusal are taken into account.
    """
    if refusal.limit not in _WAITING:
        return refusal
    where = [IS_UNFINISHED]
    if not refusal.by_operator:
        where.append(J.guild_id == asker.guild_id)
    if refusal.limit == "max_waiting_per_user":
        where.append(J.user_id == asker.user_id)
    count = await connection.scalar(sa.select(sa.func.sum(PICTURES_LEFT)).where(*where))
    assert isinstance(refusal.allowed, int)
    places = places_for(refusal.asked, refusal.allowed)
    if places > refusal.allowed:
        return refusal  # never, even with an empty queue
    too_many = int(count or 0) - refusal.allowed + places
    here = positions.machine_now()
    if too_many <= 0:
        return _at(refusal, here)
    first = (
        sa.select(J.id, PICTURES_LEFT.label("pictures"))
        .where(*where)
        .order_by(sa.not_(IS_RUNNING), J.start, J.id)
    )
    rows = await connection.execute(first.limit(too_many + _LOOKED_AHEAD))
    pictures = {int(row.id): int(row.pictures) for row in rows}
    expected = await positions.get_many_in(connection, list(pictures), now)
    if not any(position.engines_alive for position in expected.values()):
        starting = any(position.engine_starting for position in expected.values())
        why = Unforeseen.STARTING if starting else Unforeseen.NO_ENGINE
        return replace(refusal, unforeseen=why)
    ends = ((_end(position, here), job_id) for job_id, position in expected.items())
    for end, job_id in sorted((end, job_id) for end, job_id in ends if end is not None):
        too_many -= pictures[job_id]
        if too_many <= 0:
            return _at(refusal, end)
    return replace(refusal, unforeseen=Unforeseen.PAUSED)


def _end(position: QueuePosition, now: float) -> float | None:
    if position.ready_at is not None:
        return position.ready_at.timestamp()
    # Place 0 without a time: it has ended meanwhile.
    return now if position.place == 0 else None


def _at(refusal: Refusal, seconds: float) -> Refusal:
    return replace(refusal, available_at=moment(seconds), is_predicted=True)
