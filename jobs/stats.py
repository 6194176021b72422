"""Statistics by day."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

import sqlalchemy as sa

from jobs.core import DAY_SECONDS, QueuePart
from jobs.db.asynchronous import AsyncConnection
from jobs.db.rows import J, lenient
from jobs.execution.ending import queued_at
from jobs.model import JobState, Progress


@dataclass(frozen=True, slots=True)
class DayStats:
    """The jobs that were queued on one day (UTC)."""

    day: date
    pictures: int
    """Finished pictures, including those of jobs that did not finish all of theirs."""
    users: int
    failures: int
    waiting_seconds: float
    """From queued to first started, mean of the started jobs; from its retry, if it was retried."""
    painting_seconds: float
    """From started to ended, sum of the jobs with pictures."""


@dataclass(frozen=True, slots=True)
class Stats:
    """The days with jobs, oldest first, and their totals."""

    days: tuple[DayStats, ...]
    users: int
    """Distinct users in all these days."""

    @property
    def pictures(self) -> int:
        """Pictures in all these days."""
        return sum(day.pictures for day in self.days)

    @property
    def failures(self) -> int:
        """Failures in all these days."""
        return sum(day.failures for day in self.days)


class Statistics(QueuePart):
    """Jobs counted by the day on which they were queued."""

    async def read(self, guild_id: int | None, days: int = 30) -> Stats:
        """Statistics of the last `days` days, of one server or (None) of all."""
        number = J.created_at / DAY_SECONDS
        # PostgreSQL's cast rounds; SQLite's truncates, and it may lack floor.
        day = sa.cast(sa.func.floor(number) if self._database.postgres else number, sa.Integer)
        done = J.state == JobState.DONE
        async with self._database.read_now() as (connection, now):
            today = int(now // DAY_SECONDS)
            where = [J.created_at >= (today - days + 1) * DAY_SECONDS]
            if guild_id is not None:
                where.append(J.guild_id == guild_id)
            painting = sa.case((done, _between(J.claimed_at, J.ended_at)), else_=0.0)
            rows = await connection.execute(
                sa.select(
                    day.label("day"),
                    sa.func.sum(sa.case((done, J.pictures), else_=0)).label("pictures"),
                    sa.func.count(sa.distinct(J.user_id)).label("users"),
                    _number_of(J.state == JobState.FAILED).label("failures"),
                    sa.func.avg(_between(queued_at(), J.started_at)).label("waiting"),
                    sa.func.sum(painting).label("painting"),
                )
                .where(*where)
                .group_by(sa.text("day"))
                .order_by(sa.text("day"))
            )
            pictures, seconds = await _of_unfinished(connection, day, where)
            found = tuple(
                DayStats(
                    datetime.fromtimestamp(row.day * DAY_SECONDS, UTC).date(),
                    int(row.pictures) + pictures[row.day],
                    int(row.users),
                    int(row.failures),
                    float(row.waiting or 0.0),
                    float(row.painting or 0.0) + seconds[row.day],
                )
                for row in rows
            )
            users = await connection.scalar(
                sa.select(sa.func.count(sa.distinct(J.user_id))).where(*where)
            )
        return Stats(found, int(users or 0))


async def _of_unfinished(
    connection: AsyncConnection, day: sa.ColumnElement[int], where: list[sa.ColumnElement[bool]]
) -> tuple[Mapping[int, int], Mapping[int, float]]:
    """By day: finished pictures of jobs that did not finish, and the seconds spent on them."""
    seconds = _between(J.claimed_at, J.ended_at).label("seconds")
    ended = J.state.in_([JobState.FAILED, JobState.CANCELLED])
    found = sa.select(day.label("day"), J.progress, seconds).where(*where, ended)
    pictures, painting = defaultdict[int, int](int), defaultdict[int, float](float)
    for row in await connection.execute(found.where(J.progress.is_not(None))):
        told = lenient(Progress, row.progress)
        if told is not None and told.done:
            pictures[row.day] += len(told.done)
            painting[row.day] += float(row.seconds or 0.0)
    return pictures, painting


def _between(
    earlier: sa.ColumnElement[float], later: sa.ColumnElement[float]
) -> sa.ColumnElement[float]:
    """Seconds between two times; 0 if the clock was set back between them."""
    return sa.case((later < earlier, 0.0), else_=later - earlier)


def _number_of(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((condition, 1), else_=0))
