"""The engines that are alive: their abilities, their speed, and the rest of their current job."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from common.options import MAX_SIZE_PX
from jobs.db import schema
from jobs.db.asynchronous import AsyncConnection
from jobs.db.database import Row, seen_recently
from jobs.db.rows import IS_RUNNING, J, from_row, lenient
from jobs.model import EngineInfo, Progress
from jobs.scheduling.speeds import (
    NETWORK_WORK,
    SpeedModel,
    blended,
    engine_kind,
    half_octave_in,
    half_octave_of,
    mean_pace,
)

SPEEDS_KEPT_SECONDS = 5.0
ENGINE_ALIVE_SECONDS = 30.0
"""An engine without a heartbeat for this long is treated as dead."""
RUNNING_COLUMNS = (
    J.engine_id,
    J.speed_class,
    J.work,
    J.network,
    J.claimed_at,
    J.progress,
    J.progress_at,
)


@dataclass(frozen=True, slots=True)
class Load:
    """What an engine needs to know of a job to choose it; all of it is in the queue's index."""

    job_id: int
    speed_class: str
    work: float
    network: str | None
    """The network that has to paint it; None lets the engine decide."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """The engines and their load now."""

    engines: tuple[EngineInfo, ...]
    remaining: Mapping[str, float]
    """Seconds left of each engine's running job, by engine ID."""
    speeds: SpeedModel
    _paces: dict[tuple[object, ...], float] = field(default_factory=dict)

    def able(self, network: str | None, speed_class: str) -> tuple[EngineInfo, ...]:
        """The engines that have the network and enough memory for the size.

        If none has enough memory, all engines that have the network: one of them has to report that
        the job cannot be painted.
        """
        having = tuple(
            one
            for one in self.engines
            if network is None or not one.networks or network in one.networks
        )
        number = half_octave_in(speed_class)
        with_memory = tuple(
            one
            for one in having
            if one.largest_px >= MAX_SIZE_PX or half_octave_of(one.largest_px) >= number
        )
        return with_memory or having

    def pace(self, engine: EngineInfo, network: str | None, speed_class: str) -> float:
        """Seconds that this engine needs for a unit of such work."""
        key = (engine.id, network, speed_class)
        if (known := self._paces.get(key)) is None:
            kind = engine_kind(engine, network)
            known = self.speeds.seconds_per_work(kind, speed_class, announced(engine, network))
            self._paces[key] = known
        return known

    def seconds_on(self, engine: EngineInfo, load: Load) -> float:
        """Seconds that this engine needs for a job."""
        return load.work * self.pace(engine, load.network, load.speed_class)

    def seconds(self, speed_class: str, work: float, network: str | None) -> float:
        """Seconds that one engine needs for this work, averaged over those that are able."""
        key = (network, speed_class)
        if (pace := self._paces.get(key)) is None:
            able = self.able(network, speed_class) or self.engines
            paces = [self.pace(one, network, speed_class) for one in able]
            pace = mean_pace(paces) if paces else self.speeds.usual(speed_class)
            self._paces[key] = pace
        return work * pace

    def paints(self, network: str) -> bool:
        """Whether an engine has this network; True if no engine is alive."""
        return not self.engines or any(
            not one.networks or network in one.networks for one in self.engines
        )

    def least_seconds(self, speed_class: str, work: float, network: str) -> float | None:
        """Seconds that the fastest able engine needs for this work.

        If no engine is alive, the fastest that ever painted with the network counts; None if there
        was none.
        """
        if not self.engines:
            pace = self.speeds.fastest(network, speed_class)
            return None if pace is None else work * pace
        able = self.able(network, speed_class)
        return min((work * self.pace(one, network, speed_class) for one in able), default=None)

    def measured(self, speed_class: str, network: str | None) -> bool:
        """Whether each of these engines has been measured on such a job."""
        return all(
            self.speeds.measured(engine_kind(one, network), speed_class) for one in self.engines
        )


def announced(engine: EngineInfo, network: str | None) -> float | None:
    """An engine's announced pace, converted from its own network to another one."""
    if engine.pace is None or network is None:
        return engine.pace
    return engine.pace * NETWORK_WORK.get(network, 1.0) / NETWORK_WORK.get(engine.network, 1.0)


class SpeedCache:
    """The measured speeds, cached for `SPEEDS_KEPT_SECONDS` or until `forget`."""

    def __init__(self) -> None:
        self._model: SpeedModel | None = None
        self._read_at = 0.0

    async def read(self, connection: AsyncConnection, now: float) -> SpeedModel:
        """The model; `now` is the database's time."""
        # With many engines the table is large, and it changes slowly.
        if self._model is None or not 0 <= now - self._read_at < SPEEDS_KEPT_SECONDS:
            rows = await connection.execute(sa.select(schema.speeds))
            measured = {(row.engine_kind, row.speed_class): row.seconds_per_work for row in rows}
            self._model, self._read_at = SpeedModel(measured), now
        return self._model

    def forget(self) -> None:
        """Drop the cache: something was measured."""
        self._model = None


def is_alive(now: float) -> sa.ColumnElement[bool]:
    """A condition on `engines`: the last heartbeat is recent."""
    return seen_recently(schema.engines.c.last_seen, now, ENGINE_ALIVE_SECONDS)


async def read_engines(connection: AsyncConnection, now: float, speeds: SpeedCache) -> Fleet:
    """The engines that are alive, with their speeds; as if all of them were idle."""
    rows = await connection.execute(sa.select(schema.engines).where(is_alive(now)))
    engines = tuple(engine_from_row(row) for row in rows)
    return Fleet(engines, {}, await speeds.read(connection, now))


async def read_fleet(connection: AsyncConnection, now: float, speeds: SpeedCache) -> Fleet:
    """The engines that are alive, with their remaining work and their speeds."""
    fleet = await read_engines(connection, now, speeds)
    running = await connection.execute(sa.select(*RUNNING_COLUMNS).where(IS_RUNNING))
    return replace(
        fleet, remaining={row.engine_id: remaining_seconds(row, fleet, now) for row in running}
    )


def remaining_seconds(row: Row, fleet: Fleet, now: float) -> float:
    """Seconds left of a running job: predicted, then increasingly from its own progress."""
    load = Load(0, row.speed_class, row.work, row.network)
    own = next((one for one in fleet.engines if one.id == row.engine_id), None)
    if own is None:
        predicted = fleet.seconds(load.speed_class, load.work, load.network)
        is_measured = fleet.measured(load.speed_class, load.network)
    else:
        predicted = fleet.seconds_on(own, load)
        is_measured = fleet.speeds.measured(engine_kind(own, load.network), load.speed_class)
    began = row.claimed_at if row.claimed_at is not None else now
    left = predicted - _since(began, now)
    if row.progress is not None and row.progress_at is not None:
        progress = lenient(Progress, row.progress)
        if progress is not None:
            told, since = progress.seconds_left, _since(row.progress_at, now)
            rest = predicted * (1 - progress.fraction)
            if told is None:  # it resumes what another engine has painted, or only files are left
                left = min(left, rest - since)
            else:
                found = blended(rest, told, progress.fraction) if is_measured else told
                left = found - since
    return max(0.0, left)


def _since(moment: float, now: float) -> float:
    """Seconds since then; 0 if the clock was set back behind it."""
    return max(0.0, now - float(moment))


def engine_from_row(row: Row) -> EngineInfo:
    """The engine in a row of `engines`."""
    return from_row(
        EngineInfo,
        row,
        model=row.model or "",
        networks=tuple((row.networks or "").split()),
        largest_px=row.largest_px or MAX_SIZE_PX,
        weights=tuple((row.weights or "").split()),
    )
