"""When a waiting job will start and be ready, from what lies before it and what the engines do."""

from dataclasses import dataclass, field
from typing import TypeAlias

import sqlalchemy as sa

from jobs.db.asynchronous import AsyncConnection
from jobs.db.database import Record
from jobs.db.rows import IS_QUEUED, J
from jobs.entering.limits import EVERYWHERE
from jobs.order.fleet import Fleet, Load
from jobs.order.line import first_loads
from jobs.order.sharing import LOOK_AHEAD, JobSchedule, Planned, is_mixed
from jobs.order.speeds import start_after

Place: TypeAlias = tuple[float, int]
"""A job's place in the order: its start tag and its number."""


@dataclass(frozen=True, slots=True)
class Group:
    """Jobs of one kind between two places."""

    network: str | None
    speed_class: str
    count: int
    work: float


async def between(
    connection: AsyncConnection, after: Place | None, before: Place, paused: frozenset[int]
) -> list[Group]:
    """The queued jobs between two places, the first one included, but not the paused servers'."""
    where = [IS_QUEUED, sa.tuple_(J.start, J.id) < sa.tuple_(*before)]
    if after is not None:
        where.append(sa.tuple_(J.start, J.id) >= sa.tuple_(*after))
    halted = [guild for guild in paused if guild != EVERYWHERE]
    if halted:
        where.append(J.flow.not_in(halted))
    rows = await connection.execute(
        sa.select(J.network, J.speed_class, sa.func.count(), sa.func.sum(J.work))
        .where(*where)
        .group_by(J.network, J.speed_class)
    )
    return [Group(network, name, int(count), float(work)) for network, name, count, work in rows]


@dataclass
class Forecast:
    """Foretells one job after the other, in the order of the queue."""

    connection: AsyncConnection
    fleet: Fleet
    paused: frozenset[int]
    ahead: int = 0
    """Jobs before the one that was asked about last."""
    _seconds: float = 0.0
    _last: Place | None = None
    _kinds: set[tuple[str | None, str]] = field(default_factory=set)
    _dealt: "dict[int, Planned | None] | None" = None
    _plan: JobSchedule | None = None

    async def pass_to(self, row: Record) -> None:
        """Count what lies between the job before and this one."""
        place = (row.start, row.id)
        groups = await between(self.connection, self._last, place, self.paused)
        self.ahead += sum(group.count for group in groups)
        self._seconds += self._seconds_of(groups)
        self._kinds |= {(group.network, group.speed_class) for group in groups}
        self._last = place

    async def seconds_to_ready(self, row: Record) -> float | None:
        """Seconds until the job that was passed to is ready; None if none can tell."""
        fleet = self.fleet
        if not fleet.engines:
            return None
        if is_mixed(fleet, self._kinds | {(row.network, row.speed_class)}):
            return await self._seconds_apart(row)
        engines, wait = len(fleet.engines), 0.0
        if self.ahead >= engines - len(fleet.remaining):
            wait = start_after(self._seconds, fleet.remaining.values(), engines)
        return wait + fleet.seconds(row.speed_class, row.work, row.network)

    async def _seconds_apart(self, row: Record) -> float | None:
        """The same where it matters which engine paints: the line is dealt out one by one."""
        if self._plan is None or self._dealt is None:
            self._plan = JobSchedule(self.fleet)
            line = await first_loads(self.connection, LOOK_AHEAD)
            self._dealt = {load.job_id: self._plan.deal(load) for load in line}
        if row.id in self._dealt:
            planned = self._dealt[row.id]
            return None if planned is None else planned.ready
        # Far behind: what lies before it is poured over the engines that paint such jobs.
        load = Load(row.id, row.speed_class, row.work, row.network)
        suited = self._plan.suited(load)
        if not suited:
            return None
        remaining = [self.fleet.remaining.get(one.id, 0.0) for one in suited]
        starts = start_after(self._seconds, remaining, len(remaining))
        return starts + min(self.fleet.seconds_on(one, load) for one in suited)

    def _seconds_of(self, groups: list[Group]) -> float:
        return sum(self.fleet.seconds(one.speed_class, one.work, one.network) for one in groups)
