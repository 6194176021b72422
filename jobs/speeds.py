"""How long a job will take: its work, and the speeds that engines have shown.

Work is counted in units that no machine enters: megapixels times a factor of the quality. The
seconds that an engine needs for one unit are measured on finished jobs, for each class of size
and quality apart, since small pictures do not use a machine fully.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jobs.model import EngineInfo
from jobs.options import PaintOptions

QUALITY_WORK = {"draft": 0.4, "standard": 1.0, "fine": 2.5}
STANDARD_ITERATIONS = 300
"""Iterations in all that `standard` is taken to have, for jobs that name their own number."""
PRIOR_SECONDS_PER_WORK = 120.0
"""A guess for a processor without a graphics card, until the first job is measured."""
SMOOTHING = 0.3
"""Weight of the newest measurement, so that the last few jobs decide."""

SpeedKey = tuple[str, str]
"""Kind of engine, class of job."""


def work_of(options: PaintOptions) -> float:
    """Units of work in a job: 1 for a standard picture of one megapixel."""
    megapixels = options.size_px**2 / 1e6
    factor = QUALITY_WORK[options.quality]
    if options.iterations is not None:
        # By scale; the small scales of the pyramid add about a third.
        factor = options.iterations * 4 / 3 / STANDARD_ITERATIONS
    return max(megapixels * factor, 1e-6)


def speed_class_of(options: PaintOptions) -> str:
    """The class in which the job's speed is measured: quality, and size by half octaves."""
    quality = options.quality if options.iterations is None else "own"
    return f"{quality}/{round(2 * math.log2(options.size_px))}"


def engine_kind(engine: EngineInfo) -> str:
    """What an engine's speed depends on: the machine, its device and the network."""
    return f"{engine.host}|{engine.device}|{engine.network}"


@dataclass(frozen=True, slots=True)
class SpeedModel:
    """Seconds for one unit of work, from what was measured."""

    measured: Mapping[SpeedKey, float]
    """By engine kind and class; classes that were not measured borrow from their relatives."""

    def seconds_per_work(self, kind: str, speed_class: str) -> float:
        """Best estimate for this kind of engine: itself, then others alike, then all."""
        exact = self.measured.get((kind, speed_class))
        if exact is not None:
            return exact
        alike = kind.partition("|")[2]
        own = self._mean(seconds for (k, _), seconds in self.measured.items() if k == kind)
        if own is not None:
            return own
        relatives = [
            (key, seconds)
            for key, seconds in self.measured.items()
            if key[0].partition("|")[2] == alike
        ]
        same_class = self._mean(seconds for (_, c), seconds in relatives if c == speed_class)
        if same_class is not None:
            return same_class
        any_class = self._mean(seconds for _, seconds in relatives)
        return any_class if any_class is not None else PRIOR_SECONDS_PER_WORK

    def fleet_seconds_per_work(self, kinds: Iterable[str], speed_class: str) -> float:
        """Mean for a job that is painted by one of these engines, the fast ones more often."""
        rates = [1 / self.seconds_per_work(kind, speed_class) for kind in kinds]
        if rates:
            return len(rates) / sum(rates)
        of_class = self._mean(s for (_, c), s in self.measured.items() if c == speed_class)
        return of_class if of_class is not None else PRIOR_SECONDS_PER_WORK

    @staticmethod
    def _mean(seconds: Iterable[float]) -> float | None:
        """Geometric mean, since speeds differ by factors."""
        values = [math.log(value) for value in seconds if value > 0]
        return math.exp(sum(values) / len(values)) if values else None


def smoothed(previous: float | None, samples: int, newest: float) -> float:
    """The running mean (in logarithms) after one more measurement."""
    if previous is None or previous <= 0:
        return newest
    weight = max(SMOOTHING, 1 / (samples + 1))
    return math.exp((1 - weight) * math.log(previous) + weight * math.log(newest))


def start_after(work_seconds: float, busy: Iterable[float], engines: int) -> float:
    """Seconds until the next engine is free, with so much work to be done before.

    The engines' remaining times are levelled up with the work like vessels with water: it is
    the least t with sum(max(0, t - remaining)) >= work.
    """
    remaining = sorted(max(0.0, seconds) for seconds in busy)[:engines]
    levels = [0.0] * (engines - len(remaining)) + remaining
    if not levels:
        return math.inf
    poured = 0.0
    for count, (level, following) in enumerate(
        zip(levels, [*levels[1:], math.inf], strict=True), start=1
    ):
        room = (following - level) * count
        if poured + room >= work_seconds:
            return level + (work_seconds - poured) / count
        poured += room
    return levels[-1]
