"""Predicts when a waiting job will be ready, from the jobs before it and the engines' load."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import sqlalchemy as sa

from jobs.core import EVERYWHERE
from jobs.db.asynchronous import AsyncConnection
from jobs.db.database import Row
from jobs.db.rows import IS_QUEUED, J
from jobs.scheduling.dispatch import LOOK_AHEAD, Assignment, JobSchedule, is_mixed
from jobs.scheduling.eligible_jobs import first_loads
from jobs.scheduling.fleet import Fleet, Load
from jobs.scheduling.speeds import start_after

Place: TypeAlias = tuple[float, int]
"""A job's place in the order: start tag and job ID."""


@dataclass(frozen=True, slots=True)
class Group:
    """Jobs of one network and speed class between two places."""

    network: str | None
    speed_class: str
    count: int
    work: float


def counted_before(places: Sequence[Place], paused: frozenset[int]) -> sa.Select[Any]:
    """A statement that counts the jobs before each place, without those of paused servers.

    Args:
        places: In the order of the queue, at least one.
        paused: IDs of paused servers.

    Returns:
        Rows of: index of a place, network, speed class, number of jobs, their work. A row counts
        the jobs from the previous place (inclusive) to this one (exclusive).
    """
    halted = [guild for guild in paused if guild != EVERYWHERE]
    counts = J.flow.not_in(halted) if halted else sa.true()
    if len(places) == 1:
        (place,) = places
        kind = (J.network, J.speed_class)
        return (
            sa.select(sa.literal(0), *kind, sa.func.count(), sa.func.sum(J.work))
            .where(IS_QUEUED, sa.tuple_(J.start, J.id) < sa.tuple_(*place), counts)
            .group_by(*kind)
        )
    is_asked = sa.case((J.id.in_([number for _start, number in places]), 1), else_=0)
    passed = sa.func.sum(is_asked).over(order_by=(J.start, J.id))
    before = (
        sa.select(passed.label("passed"), J.network, J.speed_class, J.work, counts.label("counts"))
        .where(IS_QUEUED, sa.tuple_(J.start, J.id) < sa.tuple_(*places[-1]))
        .subquery()
    ).c
    each = (before.passed, before.network, before.speed_class)
    return (
        sa.select(*each, sa.func.count(), sa.func.sum(before.work))
        .where(before["counts"])
        .group_by(*each)
    )


async def _groups_before(
    connection: AsyncConnection, places: Sequence[Place], paused: frozenset[int]
) -> Mapping[int, list[Group]]:
    """The groups of `counted_before`, by the index of the place."""
    found: dict[int, list[Group]] = {}
    if places:
        rows = await connection.execute(counted_before(places, paused))
        for number, network, name, count, work in rows:
            found.setdefault(int(number), []).append(Group(network, name, int(count), float(work)))
    return found


@dataclass
class Forecast:
    """Predicts one job after the other, in the order of the queue; see `forecast_of`."""

    connection: AsyncConnection
    fleet: Fleet
    _groups: Mapping[int, list[Group]]
    ahead: int = 0
    """Number of jobs before the current one."""
    _seconds: float = 0.0
    _passed: int = 0
    _kinds: set[tuple[str | None, str]] = field(default_factory=set)
    _assigned: "dict[int, Assignment | None] | None" = None
    _plan: JobSchedule | None = None

    def pass_to_next(self) -> None:
        """Advance to the next job, counting the jobs in between."""
        groups = self._groups.get(self._passed, [])
        self.ahead += sum(group.count for group in groups)
        self._seconds += self._seconds_of(groups)
        self._kinds |= {(group.network, group.speed_class) for group in groups}
        self._passed += 1

    async def seconds_to_ready(self, row: Row) -> float | None:
        """Seconds until the current job is ready; None if unknown."""
        fleet = self.fleet
        if not fleet.engines:
            return None
        if is_mixed(fleet, self._kinds | {(row.network, row.speed_class)}):
            return await self._seconds_apart(row)
        engines, wait = len(fleet.engines), 0.0
        if self.ahead >= engines - len(fleet.remaining):
            wait = start_after(self._seconds, fleet.remaining.values(), engines)
        return wait + fleet.seconds(row.speed_class, row.work, row.network)

    async def _seconds_apart(self, row: Row) -> float | None:
        """As above, when engines differ: simulates which engine takes which job."""
        if self._plan is None or self._assigned is None:
            self._plan = JobSchedule(self.fleet)
            queued = await first_loads(self.connection, LOOK_AHEAD)
            self._assigned = {load.job_id: self._plan.assign(load) for load in queued}
        if row.id in self._assigned:
            assignment = self._assigned[row.id]
            return None if assignment is None else assignment.ready
        # Beyond the simulated jobs: spread the work before it over the engines suited to it.
        load = Load(row.id, row.speed_class, row.work, row.network)
        suited = self._plan.suited(load)
        if not suited:
            return None
        remaining = [self.fleet.remaining.get(one.id, 0.0) for one in suited]
        starts = start_after(self._seconds, remaining, len(remaining))
        return starts + min(self.fleet.seconds_on(one, load) for one in suited)

    def _seconds_of(self, groups: list[Group]) -> float:
        return sum(self.fleet.seconds(one.speed_class, one.work, one.network) for one in groups)


async def forecast_of(
    connection: AsyncConnection, fleet: Fleet, paused: frozenset[int], rows: Iterable[Row]
) -> Forecast:
    """A forecast of these waiting jobs, which must be in the order of the queue."""
    places = [(row.start, row.id) for row in rows]
    return Forecast(connection, fleet, await _groups_before(connection, places, paused))
