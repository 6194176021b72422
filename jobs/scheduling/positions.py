"""A job's place in the queue and the time it will be ready, from counts in the queue's index."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from common.options import PaintOptions
from jobs.core import EVERYWHERE, QueueCore, QueuePart
from jobs.db import schema
from jobs.db.asynchronous import AsyncConnection
from jobs.db.database import Row
from jobs.db.facts import seconds_since
from jobs.db.rows import (
    IS_QUEUED,
    IS_RUNNING,
    IS_UNFINISHED,
    J,
    job_from_row,
    moment,
    optional_moment,
)
from jobs.model import ENDED, Job, JobState, QueuePosition
from jobs.scheduling.fairness import slots_after_pause
from jobs.scheduling.fleet import (
    RUNNING_COLUMNS,
    SpeedCache,
    is_alive,
    read_engines,
    read_fleet,
    remaining_seconds,
)
from jobs.scheduling.forecast import Place, forecast_of
from jobs.scheduling.network_choice import choose_network
from jobs.scheduling.speeds import speed_class_of, work_of

ENGINE_STARTING = "engine_starting"
"""Name of the fact that records when an engine began to start."""
STARTING_SECONDS = 120.0
"""An engine that has not started within this time is no longer expected."""
_PLACE = (J.start, J.id, J.state, J.guild_id)


@dataclass(frozen=True, slots=True)
class QueueOverview:
    """The queue of one server, or of all."""

    waiting: int
    running: int
    paused: bool
    engines_alive: int
    engine_starting: bool
    """Whether an engine is starting while none is alive."""
    paused_everywhere: bool
    """Whether the operator has paused all servers."""


class QueuePositions(QueuePart):
    """Places, predicted times and queue lengths."""

    def __init__(self, core: QueueCore) -> None:
        super().__init__(core)
        self.speeds = SpeedCache()

    async def get(self, job_id: int) -> QueuePosition | None:
        """Place and time of one job; None if there is no such job."""
        return (await self.get_many([job_id])).get(job_id)

    async def get_many(self, job_ids: Iterable[int]) -> dict[int, QueuePosition]:
        """Places and times of several jobs, in one pass over the queue's index."""
        asked = list(job_ids)
        if not asked:
            return {}
        async with self._database.read_now() as (connection, now):
            return await self.get_many_in(connection, asked, now)

    async def get_many_in(
        self, connection: AsyncConnection, job_ids: Sequence[int], now: float
    ) -> dict[int, QueuePosition]:
        """As `get_many`, in the caller's transaction."""
        statement = sa.select(*_PLACE, *RUNNING_COLUMNS).where(J.id.in_(job_ids))
        rows = (await connection.execute(statement.order_by(J.start, J.id))).all()
        return await self._of_rows(connection, rows, now)

    async def job(self, job_id: int) -> tuple[Job, QueuePosition | None] | None:
        """A job with its place and time, unless it has ended; None if there is no such job."""
        async with self._database.read_now() as (connection, now):
            asked = sa.select(schema.jobs).where(J.id == job_id)
            row = (await connection.execute(asked)).one_or_none()
            if row is None:
                return None
            has_ended = row.state in ENDED
            found = {} if has_ended else await self._of_rows(connection, [row], now)
        return job_from_row(row), found.get(job_id)

    async def all_waiting(self, *, limit: int) -> list[tuple[Job, QueuePosition]]:
        """The next jobs in the order of the queue, of all servers, with their places and times."""
        async with self._database.read_now() as (connection, now):
            rows = (await connection.execute(_waiting(None, limit))).all()
            found = await self._of_rows(connection, rows, now)
        return [(job_from_row(row), found[row.id]) for row in rows]

    async def _of_rows(
        self, connection: AsyncConnection, rows: Sequence[Row], now: float
    ) -> dict[int, QueuePosition]:
        """Places and times of the jobs in these rows.

        Args:
            connection: to read from.
            rows: in the order of the queue, with `_PLACE` and `RUNNING_COLUMNS`.
            now: the database's time.
        """
        if not rows:
            return {}
        fleet = await read_fleet(connection, now, self.speeds)
        waiting = [row for row in rows if row.state == JobState.QUEUED]
        paused = await _paused_guilds(connection) if waiting else frozenset()
        going = [row for row in waiting if row.guild_id not in paused]
        forecast = await forecast_of(connection, fleet, paused, going)
        halted = _PausedPlaces(connection, paused)
        engines = len(fleet.engines)
        starting = not engines and await is_starting(connection, now)
        here = self.machine_now()
        found: dict[int, QueuePosition] = {}
        for row in rows:
            if row.state != JobState.QUEUED:
                is_running = row.state == JobState.RUNNING
                ready = here + remaining_seconds(row, fleet, now) if is_running else None
                found[row.id] = QueuePosition(0, optional_moment(ready), engines, False, starting)
                continue
            if row.guild_id in paused:
                place = await halted.place_of(row)
                found[row.id] = QueuePosition(place, None, engines, True, starting)
                continue
            forecast.pass_to_next()
            stopped = EVERYWHERE in paused
            seconds = None if stopped else await forecast.seconds_to_ready(row)
            ready_at = None if seconds is None else moment(here + seconds)
            found[row.id] = QueuePosition(forecast.ahead + 1, ready_at, engines, stopped, starting)
        return found

    def machine_now(self) -> float:
        """The clock of predicted times: this machine's."""
        return self._database.machine_now()

    async def painting_seconds(
        self, options: PaintOptions, aspect: float | None, *, frames: int = 1
    ) -> float:
        """Predicted seconds of painting of such a job, from start to end.

        Args:
            options: Of the job.
            aspect: The photograph's shorter side divided by its longer one; None if unknown.
            frames: Number of frames of the clip; 1 for a still.
        """
        async with self._database.read_now() as (connection, now):
            fleet = await read_engines(connection, now, self.speeds)
        speed_class = speed_class_of(options, moves=frames > 1)
        work = work_of(options, aspect, frames)
        chosen = choose_network(options, self._core.settings, fleet, speed_class, work)
        return fleet.seconds(speed_class, work, chosen.network)

    async def waiting(self, guild_id: int | None, *, limit: int = 25) -> list[Job]:
        """The next jobs in the order of the queue, of one server or (None) of all."""
        rows = await self._database.all(_waiting(guild_id, limit))
        return [job_from_row(row) for row in rows]

    async def unfinished_of(
        self, user_id: int, guild_id: int | None = None, *, limit: int | None
    ) -> list[Job]:
        """A user's running jobs, then the waiting ones, in order.

        Args:
            user_id: whose jobs.
            guild_id: in this server only; None for all.
            limit: how many at most; None for all.
        """
        here = [] if guild_id is None else [J.guild_id == guild_id]
        statement = (
            sa.select(schema.jobs)
            .where(IS_UNFINISHED, J.user_id == user_id, J.erased_at.is_(None), *here)
            .order_by(sa.case((IS_RUNNING, 0), else_=1), J.start, J.id)
            .limit(limit)
        )
        return [job_from_row(row) for row in await self._database.all(statement)]

    async def overview(self, guild_id: int | None) -> QueueOverview:
        """Numbers of waiting and running jobs, in one server or (None) in all."""
        here = [] if guild_id is None else [J.guild_id == guild_id]
        async with self._database.read_now() as (connection, now):
            counted = ((IS_QUEUED, *here), (IS_RUNNING, *here), (is_alive(now),))
            numbers = (sa.select(sa.func.count()).where(*each) for each in counted)
            asked = sa.select(*(number.scalar_subquery() for number in numbers))
            waiting, running, alive = (await connection.execute(asked)).one()
            starting = not alive and await is_starting(connection, now)
            paused = await _paused_guilds(connection)
        everywhere = EVERYWHERE in paused
        is_paused = everywhere or (guild_id or -1) in paused
        return QueueOverview(waiting, running, is_paused, alive, starting, everywhere)


async def is_starting(connection: AsyncConnection, now: float) -> bool:
    """Whether an engine began to start recently and has not registered yet."""
    seconds = await seconds_since(connection, ENGINE_STARTING, now)
    return seconds is not None and 0 <= seconds < STARTING_SECONDS


def _waiting(guild_id: int | None, limit: int) -> sa.Select[Any]:
    statement = sa.select(schema.jobs).where(IS_QUEUED)
    if guild_id is not None:
        statement = statement.where(J.guild_id == guild_id)
    return statement.order_by(J.start, J.id).limit(limit)


async def _paused_guilds(connection: AsyncConnection) -> frozenset[int]:
    return frozenset(await connection.scalars(sa.select(schema.pauses.c.guild_id)))


@dataclass
class _PausedPlaces:
    """Places of paused servers' jobs, as they would be if their server were resumed now.

    They delay no other server, but count within their own.
    """

    connection: AsyncConnection
    paused: frozenset[int]
    _going: list[Place] | None = None
    """Places of the jobs that are not paused, in order."""
    _slots: dict[int, dict[int, tuple[int, float]]] = field(default_factory=dict)
    """By server and job ID: number of the server's own jobs before it, and its start tag."""

    async def place_of(self, row: Row) -> int:
        """The place of a waiting job."""
        guild_id = row.guild_id
        if self._going is None:
            going = sa.select(J.start, J.id).where(IS_QUEUED, J.flow.not_in(self.paused))
            found = await self.connection.execute(going.order_by(J.start, J.id))
            self._going = [(each.start, each.id) for each in found]
        if guild_id not in self._slots:
            slots = await slots_after_pause(self.connection, guild_id)
            self._slots[guild_id] = {
                slot.job_id: (number, slot.start) for number, slot in enumerate(slots)
            }
        # On PostgreSQL it may have been claimed or cancelled since its row was read.
        nowhere = (0, float(row.start))
        own, start = self._slots[guild_id].get(row.id, nowhere)
        return own + bisect_left(self._going, (start, row.id)) + 1
