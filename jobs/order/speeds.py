"""How long a job will take: its work, and the speeds that engines have shown.

Work is counted in units that no machine enters: megapixels times a factor of the quality. The
seconds that an engine needs for one unit are measured on finished jobs, for each class of size
and quality apart, since small pictures do not use a machine fully.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import fmean

from common.options import CLIP_FRAME_WORK, QUALITY_WORK, USUAL_ASPECT, PaintOptions
from jobs.model import EngineInfo

STANDARD_ITERATIONS = 20
"""What a standard picture takes, in iterations at its full size; for jobs that name their own
number, and for what a few iterations tell of an engine. Beginning a scale counts as one.
"""
PRIOR_SECONDS_PER_WORK = 120.0
"""A guess for a processor without a graphics card, until the first job is measured."""
SMOOTHING = 0.3
"""Weight of the newest measurement, so that the last few jobs decide."""
BELIEVED_FROM = 0.1
"""The share of its work from which a painting's own pace says how long it takes."""
NETWORK_WORK: Mapping[str, float] = {"vgg19": 1.0, "lite": 0.2}
"""Time that each network needs for a picture, relative to VGG-19, rounded. It is used to estimate
an engine for which only the other network's speed is known. docs/lite.md has measurements."""

SpeedKey = tuple[str, str]
"""Kind of engine, class of job."""


def work_of(options: PaintOptions, aspect: float | None = None, frames: int = 1) -> float:
    """Units of work in a job: 1 for a standard picture of one megapixel.

    Args:
        options: of the job.
        aspect: the photograph's shorter side in parts of its longer; None where it is not known.
        frames: of the clip that is painted; 1 for a still.
    """
    megapixels = options.size_px**2 * (USUAL_ASPECT if aspect is None else aspect) / 1e6
    factor = QUALITY_WORK[options.quality]
    if options.iterations is not None:
        # By scale; the small scales of the pyramid add about a third.
        factor = options.iterations * 4 / 3 / STANDARD_ITERATIONS
    pictures = options.variants * (1 + CLIP_FRAME_WORK * (frames - 1))
    return max(megapixels * factor * pictures, 1e-6)


USUAL_SIZE_PX = 1024
"""By a standard picture of this size an engine's speed is told to its owner."""


def usual_seconds(engine: EngineInfo) -> float | None:
    """What a standard picture of `USUAL_SIZE_PX` takes an engine; None where it does not say."""
    if engine.pace is None:
        return None
    return engine.pace * work_of(PaintOptions(size_px=USUAL_SIZE_PX, quality="standard"))


def speed_class_of(options: PaintOptions, *, moves: bool = False) -> str:
    """The class in which the job's speed is measured: quality, size by half octaves, and motion."""
    quality = options.quality if options.iterations is None else "own"
    size = class_number_of(options.size_px)
    return f"{quality}/{size}/moving" if moves else f"{quality}/{size}"


def class_number_of(size_px: int) -> int:
    """The half octave of a size."""
    return round(2 * math.log2(size_px))


def class_number(speed_class: str) -> int:
    """The half octave of a class's sizes."""
    return int(speed_class.split("/")[1])


def engine_kind(engine: EngineInfo, network: str | None = None) -> str:
    """What an engine's speed depends on: the machine, its device and the network.

    Args:
        engine: that paints.
        network: of the job; None for the one that the engine takes by itself.
    """
    return f"{engine.host}|{engine.device}|{network or engine.network}"


class SpeedModel:
    """Seconds for one unit of work, from what was measured by engine kind and class.

    What was not measured is borrowed from the nearest relative: the same engine's other
    classes, the same device and network on other machines, then anything.
    """

    def __init__(self, measured: Mapping[SpeedKey, float]) -> None:
        self._measured = dict(measured)
        logarithms: dict[tuple[str, ...], list[float]] = defaultdict(list)
        for (kind, speed_class), seconds in measured.items():
            if seconds > 0:
                alike = _alike(kind)
                for group in (
                    ("kind", kind),
                    ("alike", alike, speed_class),
                    ("alike", alike),
                    ("class", speed_class),
                ):
                    logarithms[group].append(math.log(seconds))
        # Geometric means, since speeds differ by factors.
        self._means = {group: math.exp(fmean(values)) for group, values in logarithms.items()}

    def seconds_per_work(
        self, kind: str, speed_class: str, announced: float | None = None
    ) -> float:
        """Best estimate for this kind of engine.

        Args:
            kind: of engine.
            speed_class: of the job.
            announced: what an engine says of itself, which counts where nothing was measured of
                its kind: devices of one name may be ten times as fast elsewhere.
        """
        exact = self._measured.get((kind, speed_class))
        if exact is not None:
            return exact
        if (own := self._means.get(("kind", kind))) is not None:
            return own
        if announced is not None:
            return announced
        alike = _alike(kind)
        for group in (("alike", alike, speed_class), ("alike", alike)):
            if (mean := self._means.get(group)) is not None:
                return mean
        return PRIOR_SECONDS_PER_WORK

    def least(self, network: str, speed_class: str) -> float | None:
        """Seconds for a unit of such work on the fastest engine that ever painted by a network."""
        kinds = {kind for kind, _ in self._measured if kind.rpartition("|")[2] == network}
        return min((self.seconds_per_work(kind, speed_class) for kind in kinds), default=None)

    def measured(self, kind: str, speed_class: str) -> bool:
        """Whether such a job was measured on this kind of engine itself."""
        return (kind, speed_class) in self._measured

    def usual(self, speed_class: str) -> float:
        """Seconds for a unit of work where no engine is alive to be asked about."""
        return self._means.get(("class", speed_class), PRIOR_SECONDS_PER_WORK)


def mean_pace(paces: Iterable[float]) -> float:
    """Seconds for a unit of work that one of several engines does, the fast ones more often."""
    rates = [1 / pace for pace in paces]
    return len(rates) / sum(rates)


def _alike(kind: str) -> str:
    """Device and network without the machine."""
    return kind.partition("|")[2]


def smoothed(previous: float | None, samples: int, newest: float) -> float:
    """The running mean (in logarithms) after one more measurement."""
    if previous is None or previous <= 0:
        return newest
    weight = max(SMOOTHING, 1 / (samples + 1))
    return math.exp((1 - weight) * math.log(previous) + weight * math.log(newest))


def blended(predicted: float, found: float, fraction: float) -> float:
    """Seconds left, from those predicted and those that the painting itself has shown so far.

    From a tenth of the work on the painting alone decides.
    """
    share = min(1.0, fraction / BELIEVED_FROM)
    if predicted <= 0 or found <= 0:
        return found
    return math.exp((1 - share) * math.log(predicted) + share * math.log(found))


def start_after(work_seconds: float, busy: Iterable[float], engines: int) -> float:
    """Seconds until the next engine is free, with this work to be done before.

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
