"""The place of a job and the time it will be ready, from counts in the queue's index."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.core import QueueCore
from jobs.db import schema
from jobs.db.rows import IS_QUEUED, IS_RUNNING, J, Record, from_json, job_from_row, moment
from jobs.entering.limits import EVERYWHERE
from jobs.model import EngineInfo, Job, JobState, Progress, Standing
from jobs.order.speeds import SpeedModel, blended, engine_kind, start_after

SPEEDS_KEPT_SECONDS = 5.0
ENGINE_ALIVE_SECONDS = 30.0
"""An engine that was not heard of for this long is not counted on."""
ENGINE_STARTING = "engine_starting"
"""The fact of the installation that says when an engine began to start."""
STARTING_SECONDS = 120.0
"""What has not started within this time is not waited for any longer."""
_PLACE = (J.start, J.id, J.state, J.guild_id, J.started_at)
_Place: TypeAlias = tuple[float, int]
_RUN = (J.speed_class, J.work, J.claimed_at, J.progress, J.progress_at)


@dataclass(frozen=True, slots=True)
class QueueOverview:
    """The queue of one server, or of all."""

    waiting: int
    running: int
    paused: bool
    engines_alive: int
    engine_starting: bool = False
    """Whether one is on its way where none is alive."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """What the engines are doing now."""

    kinds: tuple[str, ...]
    remaining: tuple[float, ...]
    """Seconds left of each running job."""
    speeds: SpeedModel
    _paces: dict[str, float] = field(default_factory=dict)

    def measured(self, speed_class: str) -> bool:
        """Whether such a job was painted before by each of these engines."""
        return all(self.speeds.measured(kind, speed_class) for kind in self.kinds)

    def seconds(self, speed_class: str, work: float) -> float:
        """Seconds that one engine needs for this work, on average."""
        pace = self._paces.get(speed_class)
        if pace is None:
            pace = self.speeds.fleet_seconds_per_work(self.kinds, speed_class)
            self._paces[speed_class] = pace
        return work * pace


class SpeedCache:
    """What was measured of the engines, read anew after five seconds or when it was forgotten."""

    def __init__(self) -> None:
        self._model: SpeedModel | None = None
        self._read_at = 0.0

    async def read(self, connection: AsyncConnection, now: float) -> SpeedModel:
        """The model; `now` is the time of the one clock."""
        # A thousand engines have measured a thousand times as much; it changes slowly.
        if self._model is None or not 0 <= now - self._read_at < SPEEDS_KEPT_SECONDS:
            rows = await connection.execute(sa.select(schema.speeds))
            measured = {(row.engine_kind, row.speed_class): row.seconds_per_work for row in rows}
            self._model, self._read_at = SpeedModel(measured), now
        return self._model

    def forget(self) -> None:
        """Read it anew the next time: something was measured."""
        self._model = None


class Standings:
    """Says where jobs stand, and how much waits."""

    def __init__(self, core: QueueCore) -> None:
        self._core = core
        self.speeds = SpeedCache()

    async def get(self, job_id: int) -> Standing | None:
        """Place and times of one job; None when there is no such job."""
        return (await self.get_many([job_id])).get(job_id)

    async def get_many(self, job_ids: Iterable[int]) -> dict[int, Standing]:
        """Place and times of several jobs, in one pass over the queue's index."""
        async with self._core.database.read() as connection:
            now = await self._core.database.now_in(connection)
            return await self.get_many_in(connection, list(job_ids), now)

    async def get_many_in(
        self, connection: AsyncConnection, job_ids: Sequence[int], now: float
    ) -> dict[int, Standing]:
        """As `get_many`, inside somebody's transaction."""
        statement = sa.select(*_PLACE, *_RUN).where(J.id.in_(job_ids)).order_by(J.start, J.id)
        rows = (await connection.execute(statement)).all()
        fleet = await self.fleet(connection, now)
        paused = await _paused_guilds(connection)
        engines = len(fleet.kinds)
        starting = not engines and await _is_starting(connection, now)
        found: dict[int, Standing] = {}
        ahead, ahead_seconds = 0, 0.0
        last: _Place | None = None
        # What is ahead in a paused server holds up nobody else, but does count among its own.
        halted: dict[int, tuple[int, _Place]] = {}
        for row in rows:
            if row.state != JobState.QUEUED:
                ready = now + _remaining(row, fleet, now) if row.state == "running" else None
                starts = moment(row.started_at) if row.started_at is not None else None
                found[row.id] = Standing(
                    0, starts, None if ready is None else moment(ready), engines, False, starting
                )
                continue
            between = await _between(connection, last, (row.start, row.id), paused)
            for speed_class, count, work in between:
                ahead += count
                ahead_seconds += fleet.seconds(speed_class, work)
            last = (row.start, row.id)
            own_ahead = 0
            if row.guild_id in paused:
                before, since = halted.get(row.guild_id, (0, None))
                own_ahead = before + await _own_between(connection, row.guild_id, since, last)
                halted[row.guild_id] = (own_ahead, last)
            stopped = EVERYWHERE in paused or row.guild_id in paused
            starts_at = ready_at = None
            if engines and not stopped:
                idle = engines - len(fleet.remaining)
                wait = 0.0
                if ahead >= idle:
                    wait = start_after(ahead_seconds, fleet.remaining, engines)
                starts_at = moment(now + wait)
                ready_at = moment(now + wait + fleet.seconds(row.speed_class, row.work))
            place = ahead + own_ahead + 1
            found[row.id] = Standing(place, starts_at, ready_at, engines, stopped, starting)
        return found

    async def waiting(self, guild_id: int | None, *, limit: int = 25) -> list[Job]:
        """The next jobs in the order of the queue, of one server or (None) of all."""
        statement = sa.select(schema.jobs).where(IS_QUEUED)
        if guild_id is not None:
            statement = statement.where(J.guild_id == guild_id)
        statement = statement.order_by(J.start, J.id).limit(limit)
        async with self._core.database.read() as connection:
            return [job_from_row(row) for row in (await connection.execute(statement)).all()]

    async def overview(self, guild_id: int | None) -> QueueOverview:
        """How much is waiting and running, in one server or (None) in all."""
        here = [] if guild_id is None else [J.guild_id == guild_id]
        async with self._core.database.read() as connection:
            now = await self._core.database.now_in(connection)
            alive = await connection.scalar(
                sa.select(sa.func.count())
                .select_from(schema.engines)
                .where(schema.engines.c.last_seen > now - ENGINE_ALIVE_SECONDS)
            )
            starting = not alive and await _is_starting(connection, now)
            paused = await _paused_guilds(connection)
            waiting, running = [
                await connection.scalar(sa.select(sa.func.count()).where(state, *here))
                for state in (IS_QUEUED, IS_RUNNING)
            ]
        return QueueOverview(
            waiting=int(waiting or 0),
            running=int(running or 0),
            paused=EVERYWHERE in paused or (guild_id or -1) in paused,
            engines_alive=int(alive or 0),
            engine_starting=starting,
        )

    async def fleet(self, connection: AsyncConnection, now: float) -> Fleet:
        """The engines now alive, what they have left to do, and how fast they are."""
        alive = schema.engines.c.last_seen > now - ENGINE_ALIVE_SECONDS
        rows = await connection.execute(sa.select(schema.engines).where(alive))
        kinds = tuple(engine_kind(engine_from_row(row)) for row in rows)
        fleet = Fleet(kinds, (), await self.speeds.read(connection, now))
        running = await connection.execute(sa.select(*_RUN).where(IS_RUNNING))
        return replace(fleet, remaining=tuple(_remaining(row, fleet, now) for row in running))


async def _is_starting(connection: AsyncConnection, now: float) -> bool:
    facts = schema.installation.c
    since = await connection.scalar(sa.select(facts.value).where(facts.name == ENGINE_STARTING))
    try:
        return since is not None and 0 <= now - float(since) < STARTING_SECONDS
    except ValueError:
        return False  # another version wrote it


async def _paused_guilds(connection: AsyncConnection) -> frozenset[int]:
    return frozenset(await connection.scalars(sa.select(schema.pauses.c.guild_id)))


async def _between(
    connection: AsyncConnection,
    after: _Place | None,
    before: _Place,
    paused: frozenset[int],
) -> list[tuple[str, int, float]]:
    """Class, number and work of the queued jobs between two places, the first one included."""
    where = [IS_QUEUED, sa.tuple_(J.start, J.id) < sa.tuple_(*before)]
    if after is not None:
        where.append(sa.tuple_(J.start, J.id) >= sa.tuple_(*after))
    halted = [guild for guild in paused if guild != EVERYWHERE]
    if halted:
        where.append(J.flow.not_in(halted))
    rows = await connection.execute(
        sa.select(J.speed_class, sa.func.count(), sa.func.sum(J.work))
        .where(*where)
        .group_by(J.speed_class)
    )
    return [(str(name), int(count), float(work)) for name, count, work in rows]


async def _own_between(
    connection: AsyncConnection, guild_id: int, after: _Place | None, before: _Place
) -> int:
    """Number of a server's queued jobs between two places, the first one included."""
    where = [IS_QUEUED, J.flow == guild_id, sa.tuple_(J.start, J.id) < sa.tuple_(*before)]
    if after is not None:
        where.append(sa.tuple_(J.start, J.id) >= sa.tuple_(*after))
    count = await connection.scalar(sa.select(sa.func.count()).where(*where))
    return int(count or 0)


def _remaining(row: Record, fleet: Fleet, now: float) -> float:
    """Seconds left of a running job: as predicted at first, then more and more as it goes."""
    predicted = fleet.seconds(row.speed_class, row.work)
    if row.progress is not None and row.progress_at is not None:
        try:
            progress = from_json(Progress, row.progress)
        except ValueError:
            progress = None
        if progress is not None and (left := progress.seconds_left) is not None:
            if fleet.measured(row.speed_class):
                left = blended(predicted * (1 - progress.fraction), left, progress.fraction)
            return max(0.0, left - (now - float(row.progress_at)))
    began = row.claimed_at if row.claimed_at is not None else now
    return max(0.0, predicted - (now - float(began)))


def engine_from_row(row: Record) -> EngineInfo:
    """The engine in a row of `engines`."""
    return EngineInfo(
        id=row.id,
        host=row.host,
        device=row.device,
        network=row.network,
        version=row.version,
        pid=row.pid,
        last_seen=moment(row.last_seen),
    )
