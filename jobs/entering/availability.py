"""When a place will be free for somebody who has too many jobs waiting, as far as is known."""

from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.rows import IS_RUNNING, IS_WAITING, J, moment
from jobs.entering.admission import Applicant
from jobs.model import Standing
from jobs.order.standings import Standings
from jobs.outcomes import LimitName, Refusal, Unforeseen

WAITING = frozenset({LimitName.WAITING_PER_USER, LimitName.WAITING_PER_SERVER})
_WHY = {
    Unforeseen.NO_ENGINE: "no engine is running",
    Unforeseen.PAUSED: "the queue is paused",
}
_LOOKED_AHEAD = 20
"""A job so much further behind is not expected to overtake the ones before it."""


async def foreseen(
    standings: Standings,
    connection: AsyncConnection,
    refusal: Refusal,
    who: Applicant,
    now: float,
) -> Refusal:
    """The refusal, with the predicted time if it is one of those that depend on the queue.

    It reads as many places as jobs have to end, so it is not for a writing transaction. What
    has ended since the refusal counts as it is now.
    """
    if refusal.limit not in WAITING:
        return refusal
    where = [IS_WAITING]
    if not refusal.by_operator:
        where.append(J.guild_id == who.guild_id)
    if refusal.limit is LimitName.WAITING_PER_USER:
        where.append(J.user_id == who.user_id)
    count = await connection.scalar(sa.select(sa.func.count()).where(*where))
    too_many = int(count or 0) - int(refusal.allowed) + 1
    if too_many <= 0:
        return _at(refusal, now)
    first = sa.select(J.id).where(*where).order_by(sa.not_(IS_RUNNING), J.start, J.id)
    ids = list(await connection.scalars(first.limit(too_many + _LOOKED_AHEAD)))
    expected = (await standings.get_many_in(connection, ids, now)).values()
    if not any(standing.engines_alive for standing in expected):
        return _unforeseen(refusal, Unforeseen.NO_ENGINE)
    ends = sorted(filter(None, (_end(standing, now) for standing in expected)))
    if len(ends) < too_many:
        return _unforeseen(refusal, Unforeseen.PAUSED)
    return _at(refusal, ends[too_many - 1])


def _end(standing: Standing, now: float) -> float | None:
    if standing.ready_at is not None:
        return standing.ready_at.timestamp()
    # Place 0 without a time: it has ended since it was looked for.
    return now if standing.place == 0 else None


def _at(refusal: Refusal, seconds: float) -> Refusal:
    said = f"{refusal.message} That is expected <t:{int(seconds) + 1}:R>."
    return replace(refusal, available_at=moment(seconds), message=said)


def _unforeseen(refusal: Refusal, why: Unforeseen) -> Refusal:
    said = f"{refusal.message} When that is cannot be said while {_WHY[why]}."
    return replace(refusal, unforeseen=why, message=said)
