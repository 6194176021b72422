"""The engines that are alive: what each can do, how fast it is, and what it has left to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from common.options import MAX_SIZE_PX
from jobs.db import schema
from jobs.db.asynchronous import AsyncConnection
from jobs.db.database import Record, heard_of
from jobs.db.rows import IS_RUNNING, J, from_row, lenient
from jobs.model import EngineInfo, Progress
from jobs.order.speeds import (
    NETWORK_WORK,
    SpeedModel,
    blended,
    class_number,
    class_number_of,
    engine_kind,
    mean_pace,
)

SPEEDS_KEPT_SECONDS = 5.0
ENGINE_ALIVE_SECONDS = 30.0
"""An engine that was not heard of for this long is not counted on."""
RUN = (
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
    """What a job is to an engine, as its entry in the queue's index says."""

    job_id: int
    speed_class: str
    work: float
    network: str | None
    """The one that has to paint it; None where the engine decides."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """What the engines are doing now."""

    engines: tuple[EngineInfo, ...]
    remaining: Mapping[str, float]
    """Seconds left of each running job, by its engine."""
    speeds: SpeedModel
    _paces: dict[tuple[object, ...], float] = field(default_factory=dict)

    def able(self, network: str | None, speed_class: str) -> tuple[EngineInfo, ...]:
        """The engines that have the network, and of these the ones with memory for such a size.

        Where none has so much memory, the engines that have the network: one of them has to say
        that it cannot be painted.
        """
        having = tuple(
            one
            for one in self.engines
            if network is None or not one.networks or network in one.networks
        )
        number = class_number(speed_class)
        with_memory = tuple(
            one
            for one in having
            if one.largest_px >= MAX_SIZE_PX or class_number_of(one.largest_px) >= number
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
        """Seconds that one engine needs for this work, on average over those that can."""
        key = (network, speed_class)
        if (pace := self._paces.get(key)) is None:
            able = self.able(network, speed_class) or self.engines
            paces = [self.pace(one, network, speed_class) for one in able]
            pace = mean_pace(paces) if paces else self.speeds.usual(speed_class)
            self._paces[key] = pace
        return work * pace

    def paints(self, network: str) -> bool:
        """Whether an engine has this network, or none is there that could say."""
        return not self.engines or any(
            not one.networks or network in one.networks for one in self.engines
        )

    def least_seconds(self, speed_class: str, work: float, network: str) -> float | None:
        """Seconds that the fastest of the engines that can needs for this work.

        Where none is alive, the fastest that ever painted with the network; None if there was none.
        """
        if not self.engines:
            pace = self.speeds.least(network, speed_class)
            return None if pace is None else work * pace
        able = self.able(network, speed_class)
        return min((work * self.pace(one, network, speed_class) for one in able), default=None)

    def measured(self, speed_class: str, network: str | None) -> bool:
        """Whether such a job was painted before by each of these engines."""
        return all(
            self.speeds.measured(engine_kind(one, network), speed_class) for one in self.engines
        )


def announced(engine: EngineInfo, network: str | None) -> float | None:
    """What an engine's announced pace, which is of its own network, says of another one."""
    if engine.pace is None or network is None:
        return engine.pace
    return engine.pace * NETWORK_WORK.get(network, 1.0) / NETWORK_WORK.get(engine.network, 1.0)


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


def is_alive(now: float) -> sa.ColumnElement[bool]:
    """Whether an engine was heard of lately."""
    return heard_of(schema.engines.c.last_seen, now, ENGINE_ALIVE_SECONDS)


async def read_fleet(connection: AsyncConnection, now: float, speeds: SpeedCache) -> Fleet:
    """The engines now alive, what they have left to do, and how fast they are."""
    rows = await connection.execute(sa.select(schema.engines).where(is_alive(now)))
    engines = tuple(engine_from_row(row) for row in rows)
    fleet = Fleet(engines, {}, await speeds.read(connection, now))
    running = await connection.execute(sa.select(*RUN).where(IS_RUNNING))
    return replace(
        fleet, remaining={row.engine_id: remaining_seconds(row, fleet, now) for row in running}
    )


def remaining_seconds(row: Record, fleet: Fleet, now: float) -> float:
    """Seconds left of a running job: as predicted at first, then more and more as it goes."""
    load = Load(0, row.speed_class, row.work, row.network)
    own = next((one for one in fleet.engines if one.id == row.engine_id), None)
    if own is None:
        predicted = fleet.seconds(load.speed_class, load.work, load.network)
        is_measured = fleet.measured(load.speed_class, load.network)
    else:
        predicted = fleet.seconds_on(own, load)
        is_measured = fleet.speeds.measured(engine_kind(own, load.network), load.speed_class)
    if row.progress is not None and row.progress_at is not None:
        progress = lenient(Progress, row.progress)
        if progress is not None and (left := progress.seconds_left) is not None:
            if is_measured:
                left = blended(predicted * (1 - progress.fraction), left, progress.fraction)
            return max(0.0, left - _since(row.progress_at, now))
    began = row.claimed_at if row.claimed_at is not None else now
    return max(0.0, predicted - _since(began, now))


def _since(moment: float, now: float) -> float:
    """Seconds since then; none where the clock was put back behind it."""
    return max(0.0, now - float(moment))


def engine_from_row(row: Record) -> EngineInfo:
    """The engine in a row of `engines`."""
    return from_row(
        EngineInfo,
        row,
        model=row.model or "",
        networks=tuple((row.networks or "").split()),
        largest_px=row.largest_px or MAX_SIZE_PX,
    )
