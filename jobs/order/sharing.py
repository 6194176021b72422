"""Who paints what: each engine what it does well, and what others do much better it leaves to them.

The order of the queue stays what it is. The best engine for a job takes the first one; a slower
engine looks further down, for the first job that it would end before the better ones come to it.
So nobody waits longer for its sake. What would take it unreasonably long it leaves altogether, as
long as an engine lives that is much better.
"""

import bisect
import itertools
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, field

from jobs.model import EngineInfo
from jobs.order.fleet import Fleet, Load

MUCH_BETTER = 2.0
"""An engine that needs the time divided by this, or less, does it much better."""
REASONABLE_SECONDS = 1800.0
"""What takes an engine longer it leaves to a much better one, however busy that is."""
LOOK_AHEAD = 200
"""As many jobs of the queue are looked at one by one."""
TROUBLED_SECONDS = 120.0
"""An engine that says it cannot paint at the moment is taken to be busy for this time."""
PATIENCE_SECONDS = 60.0
"""An idle engine that lets its work lie for longer is not counted on any more."""
TROUBLED_PATIENCE_SECONDS = 300.0
"""The same of one that says why."""
_STEADY_GAP_SECONDS = 15.0
"""Looks that are further apart have something between them that nobody saw."""


@dataclass(frozen=True, slots=True)
class Planned:
    """Where a waiting job will be painted, in seconds from now."""

    engine: EngineInfo
    ready: float


class JobSchedule:
    """Deals the jobs of the queue out in their order, as the engines will take them."""

    def __init__(self, fleet: Fleet, without: Set[str] = frozenset()) -> None:
        self.fleet = fleet
        self._without = without
        self.free: dict[str, float] = {
            one.id: fleet.remaining.get(one.id, TROUBLED_SECONDS if one.trouble else 0.0)
            for one in fleet.engines
        }
        """Seconds until each engine has done what it was dealt."""

    def suited(self, load: Load) -> tuple[EngineInfo, ...]:
        """The engines that may paint a job: not those for which it is unreasonable."""
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

    def leavers(self, load: Load, suited: Sequence[EngineInfo]) -> Callable[[EngineInfo], bool]:
        """Says of an engine whether another does a job much better, and would end it before it."""
        offers = sorted((self.fleet.seconds_on(one, load), self.free[one.id]) for one in suited)
        seconds = [own for own, _ in offers]
        earliest = list(itertools.accumulate((own + free for own, free in offers), min))

        def leaves(engine: EngineInfo) -> bool:
            mine = self.fleet.seconds_on(engine, load)
            better = bisect.bisect_right(seconds, mine / MUCH_BETTER)
            return better > 0 and earliest[better - 1] < self.free[engine.id] + mine

        return leaves

    def deal(self, load: Load) -> Planned | None:
        """Give a job to the first free engine that does not leave it; None if none can paint it."""
        suited = self.suited(load)
        leaves = self.leavers(load, suited)
        staying = (one for one in suited if not leaves(one))
        engine = min(staying, key=lambda one: self.free[one.id], default=None)
        if engine is None:
            return None
        self.free[engine.id] += self.fleet.seconds_on(engine, load)
        return Planned(engine, self.free[engine.id])


@dataclass(frozen=True, slots=True)
class Choice:
    """What an engine takes now, and who is to take what it leaves."""

    job_id: int | None
    left_to: frozenset[str] = frozenset()
    """Engines that paint nothing now and were left something."""


def choose(
    line: Iterable[Load], fleet: Fleet, engine_id: str, without: Set[str] = frozenset()
) -> Choice:
    """The first job of the line that this engine, which is idle, should take.

    Args:
        line: the queue's first jobs, in its order.
        fleet: the engines alive; this one among them.
        engine_id: who asks.
        without: engines that are not counted on.
    """
    plan = JobSchedule(fleet, without)
    plan.free[engine_id] = 0.0
    left_to: set[str] = set()
    for load in line:
        suited = plan.suited(load)
        me = next((one for one in suited if one.id == engine_id), None)
        if me is not None and not plan.leavers(load, suited)(me):
            return Choice(load.job_id, frozenset(left_to))
        planned = plan.deal(load)
        if planned is not None and planned.engine.id not in fleet.remaining:
            left_to.add(planned.engine.id)
    return Choice(None, frozenset(left_to - {engine_id}))


def is_mixed(fleet: Fleet, kinds: Iterable[tuple[str | None, str]]) -> bool:
    """Whether it matters for such jobs (network, class) which engine paints them."""
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
class Overlooked:
    """Engines that live, paint nothing, and let lie what was left to them: no job is to starve."""

    _since: dict[str, float] = field(default_factory=dict)
    _looked_at: float | None = None

    def without(self, fleet: Fleet, now: float) -> frozenset[str]:
        """Who is not counted on any more."""
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

    def look(self, fleet: Fleet, left_to: Set[str], now: float) -> None:
        """Note to whom something was left just now."""
        gone_on = self._looked_at is not None and 0 <= now - self._looked_at <= _STEADY_GAP_SECONDS
        lying = left_to | self.without(fleet, now)
        self._since = {
            name: self._since[name] if gone_on and name in self._since else now for name in lying
        }
        self._looked_at = now
