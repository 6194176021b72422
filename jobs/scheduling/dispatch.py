"""Assigns jobs to engines of different speeds: an engine defers jobs to much faster ones.

The order of the queue does not change. The fastest engine for a job takes the first one. A slower
engine looks further down the queue for the first job that it would finish before the faster ones
get to it, so nobody waits longer because of it. It always defers a job that would take it
unreasonably long, as long as a much faster engine is alive.
"""

import bisect
import itertools
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, field

from jobs.model import EngineInfo
from jobs.scheduling.fleet import Fleet, Load

MUCH_BETTER = 2.0
"""An engine is much faster if it needs at most the time divided by this."""
REASONABLE_SECONDS = 1800.0
"""An engine defers a longer job to a much faster engine, however busy that one is."""
LOOK_AHEAD = 200
"""Number of queued jobs that are assigned one by one."""
TROUBLED_SECONDS = 120.0
"""An engine that reports trouble is assumed to be busy for this long."""
PATIENCE_SECONDS = 60.0
"""An idle engine that does not take its jobs for this long is no longer counted on."""
TROUBLED_PATIENCE_SECONDS = 300.0
"""The same for an engine that reports trouble."""
_STEADY_GAP_SECONDS = 15.0
"""With a longer gap between two checks, the time between them was not observed."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which engine will paint a waiting job, and when it is ready, in seconds from now."""

    engine: EngineInfo
    ready: float


class JobSchedule:
    """Simulates how the engines will take the queued jobs, in order."""

    def __init__(self, fleet: Fleet, without: Set[str] = frozenset()) -> None:
        self.fleet = fleet
        self._without = without
        self.free: dict[str, float] = {
            one.id: fleet.remaining.get(one.id, TROUBLED_SECONDS if one.trouble else 0.0)
            for one in fleet.engines
        }
        """Seconds until each engine has finished the jobs assigned to it."""

    def suited(self, load: Load) -> tuple[EngineInfo, ...]:
        """The engines that may paint a job, without those that would take unreasonably long."""
        fleet = self.fleet
        able = fleet.able(load.network, load.speed_class)
        able = tuple(one for one in able if one.id not in self._without) or able
        best = min((fleet.seconds_on(one, load) for one in able), default=0.0)
        return tuple(
            one
            for one in able
            if (seconds := fleet.seconds_on(one, load)) <= REASONABLE_SECONDS
            or seconds < MUCH_BETTER * best
        )

    def defers(self, load: Load, suited: Sequence[EngineInfo]) -> Callable[[EngineInfo], bool]:
        """A predicate on engines: whether a much faster one would finish the job earlier."""
        offers = sorted((self.fleet.seconds_on(one, load), self.free[one.id]) for one in suited)
        seconds = [own for own, _ in offers]
        earliest = list(itertools.accumulate((own + free for own, free in offers), min))

        def does_defer(engine: EngineInfo) -> bool:
            mine = self.fleet.seconds_on(engine, load)
            better = bisect.bisect_right(seconds, mine / MUCH_BETTER)
            return better > 0 and earliest[better - 1] < self.free[engine.id] + mine

        return does_defer

    def assign(self, load: Load) -> Assignment | None:
        """Assign a job to the first free engine that does not defer it; None if there is none."""
        suited = self.suited(load)
        does_defer = self.defers(load, suited)
        staying = (one for one in suited if not does_defer(one))
        engine = min(staying, key=lambda one: self.free[one.id], default=None)
        if engine is None:
            return None
        self.free[engine.id] += self.fleet.seconds_on(engine, load)
        return Assignment(engine, self.free[engine.id])


@dataclass(frozen=True, slots=True)
class Choice:
    """The job that an engine takes now, and the engines to which it deferred others."""

    job_id: int | None
    deferred_to: frozenset[str]
    """Idle engines to which it deferred a job."""


def choose_job(
    queued: Iterable[Load], fleet: Fleet, engine_id: str, without: Set[str] = frozenset()
) -> Choice:
    """The first queued job that this idle engine should take.

    Args:
        queued: the first jobs of the queue, in order.
        fleet: the engines that are alive, including this one.
        engine_id: the engine that asks.
        without: engines that are not counted on.
    """
    plan = JobSchedule(fleet, without)
    plan.free[engine_id] = 0.0
    deferred_to: set[str] = set()
    for load in queued:
        suited = plan.suited(load)
        me = next((one for one in suited if one.id == engine_id), None)
        if me is not None and not plan.defers(load, suited)(me):
            return Choice(load.job_id, frozenset(deferred_to))
        assignment = plan.assign(load)
        if assignment is not None and assignment.engine.id not in fleet.remaining:
            deferred_to.add(assignment.engine.id)
    return Choice(None, frozenset(deferred_to - {engine_id}))


def is_mixed(fleet: Fleet, kinds: Iterable[tuple[str | None, str]]) -> bool:
    """Whether it matters which engine paints jobs of these kinds (network, speed class)."""
    if len(fleet.engines) < 2:
        return False
    if any(one.trouble for one in fleet.engines):
        return True
    for network, speed_class in kinds:
        able = fleet.able(network, speed_class)
        if len(able) < len(fleet.engines):
            return True
        paces = [fleet.pace(one, network, speed_class) for one in able]
        if max(paces) >= MUCH_BETTER * min(paces):
            return True
    return False


@dataclass
class StalledEngines:
    """Idle engines that do not take the jobs deferred to them, so that no job starves."""

    _since: dict[str, float] = field(default_factory=dict)
    _looked_at: float | None = None

    def without(self, fleet: Fleet, now: float) -> frozenset[str]:
        """The engines that are no longer counted on."""
        if self._looked_at is None or not 0 <= now - self._looked_at <= _STEADY_GAP_SECONDS:
            return frozenset()
        return frozenset(
            one.id
            for one in fleet.engines
            if one.id not in fleet.remaining
            and one.id in self._since
            and now - self._since[one.id]
            >= (TROUBLED_PATIENCE_SECONDS if one.trouble else PATIENCE_SECONDS)
        )

    def note_deferrals(self, fleet: Fleet, deferred_to: Set[str], now: float) -> None:
        """Record the engines to which a job was deferred just now."""
        gone_on = self._looked_at is not None and 0 <= now - self._looked_at <= _STEADY_GAP_SECONDS
        stalled = deferred_to | self.without(fleet, now)
        self._since = {
            name: self._since[name] if gone_on and name in self._since else now for name in stalled
        }
        self._looked_at = now
