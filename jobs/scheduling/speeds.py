"""How long a job will take: its work, and the measured speeds of engines.

Work is independent of the machine: megapixels, and what each picture costs whatever its size, times
a factor of the quality. The seconds that an engine needs per unit are measured on finished jobs,
separately for each class of size and quality, since small pictures do not use a machine fully.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import fmean

from common.options import CLIP_FRAME_WORK, QUALITY_WORK, USUAL_ASPECT, PaintOptions
from jobs.model import EngineInfo

STANDARD_ITERATIONS = 20
"""Iterations of a standard picture at its full size. Converts a job's own number of iterations to
work, and an engine's first few iterations to a speed. Starting a scale counts as one."""
START_MEGAPIXELS = 0.06
"""What the iterations of a small picture cost, expressed in further megapixels: those of the
smallest scale, which has the same size in each pyramid, and the constant part of all others."""
OWN_START_MEGAPIXELS = 0.015
"""The same with a job's own number of iterations, which is not greater at the smallest scale."""
PICTURE_WORK = 0.02
"""Work of each picture besides its iterations: reading files, finding faces, encoding."""
TIMELAPSE_WORK: Mapping[str, float] = {"mp4": 0.1, "gif": 0.4}
"""Work of a time-lapse, by its format."""
PRIOR_SECONDS_PER_WORK = 120.0
"""Assumed for a machine without a graphics card until its first job is measured."""
SMOOTHING = 0.3
"""Weight of the newest measurement; the last few jobs dominate."""
BELIEVED_FROM = 0.1
"""Fraction of the work after which a painting's own speed alone predicts the rest."""
NETWORK_WORK: Mapping[str, float] = {"vgg19": 1.0, "lite": 0.2}
"""Time that each network needs for a picture, relative to VGG-19, rounded. It is used to estimate
an engine for which only the other network's speed is known. docs/lite.md has measurements."""

SpeedKey = tuple[str, str]
"""Engine kind, speed class."""


def work_of(options: PaintOptions, aspect: float | None = None, frames: int = 1) -> float:
    """Units of work in a job: about 1 for a standard picture of one megapixel.

    Args:
        options: of the job.
        aspect: the photograph's shorter side divided by its longer one; None if unknown.
        frames: number of frames of the clip; 1 for a still.
    """
    megapixels = options.size_px**2 * (USUAL_ASPECT if aspect is None else aspect) / 1e6
    factor, start = QUALITY_WORK[options.quality], START_MEGAPIXELS
    if options.iterations is not None:
        # Iterations are per scale; the small scales of the pyramid add about a third.
        factor = (options.iterations + 1) * 4 / 3 / STANDARD_ITERATIONS
        start = OWN_START_MEGAPIXELS
    one = factor * (megapixels + start) + PICTURE_WORK
    if options.timelapse:
        one += TIMELAPSE_WORK[options.timelapse_format]
    return one * options.variants * (1 + CLIP_FRAME_WORK * (frames - 1))


USUAL_SIZE_PX = 1024
"""Size of the standard picture by which owners are told an engine's speed."""


def usual_seconds(engine: EngineInfo) -> float | None:
    """Seconds that an engine needs for a standard picture of `USUAL_SIZE_PX`; None if unknown."""
    if engine.pace is None:
        return None
    return engine.pace * work_of(PaintOptions(size_px=USUAL_SIZE_PX, quality="standard"))


def speed_class_of(options: PaintOptions, *, moves: bool = False) -> str:
    """The job's speed class: quality, size in half octaves, and whether it moves."""
    quality = options.quality if options.iterations is None else "own"
    size = half_octave_of(options.size_px)
    return f"{quality}/{size}/moving" if moves else f"{quality}/{size}"


def half_octave_of(size_px: int) -> int:
    """A size in half octaves."""
    return round(2 * math.log2(size_px))


def half_octave_in(speed_class: str) -> int:
    """The size of a speed class, in half octaves."""
    return int(speed_class.split("/")[1])


def engine_kind(engine: EngineInfo, network: str | None = None) -> str:
    """What an engine's speed depends on: machine, device and network.

    Args:
        engine: the engine.
        network: of the job; None for the engine's default.
    """
    return f"{engine.host}|{engine.device}|{network or engine.network}"


class SpeedModel:
    """Seconds per unit of work, by engine kind and speed class.

    What was not measured is taken from the nearest relative: the same engine's other classes, then
    the same device and network on other machines, then `PRIOR_SECONDS_PER_WORK`.
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
            announced: the engine's own estimate, used if nothing was measured of its kind. It is
                preferred to other machines, as devices of one name may differ tenfold.
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

    def fastest(self, network: str, speed_class: str) -> float | None:
        """Seconds per unit on the fastest engine that ever painted with this network, or None."""
        kinds = {kind for kind, _ in self._measured if kind.rpartition("|")[2] == network}
        return min((self.seconds_per_work(kind, speed_class) for kind in kinds), default=None)

    def measured(self, kind: str, speed_class: str) -> bool:
        """Whether this kind of engine has been measured in this speed class."""
        return (kind, speed_class) in self._measured

    def usual(self, speed_class: str) -> float:
        """Seconds per unit when no engine is alive."""
        return self._means.get(("class", speed_class), PRIOR_SECONDS_PER_WORK)


def mean_pace(paces: Iterable[float]) -> float:
    """The harmonic mean: fast engines take more of the jobs."""
    rates = [1 / pace for pace in paces]
    return len(rates) / sum(rates)


def _alike(kind: str) -> str:
    """An engine kind without its machine."""
    return kind.partition("|")[2]


def smoothed(previous: float | None, samples: int, newest: float) -> float:
    """The running mean (of logarithms) after one more measurement."""
    if previous is None or previous <= 0:
        return newest
    weight = max(SMOOTHING, 1 / (samples + 1))
    return math.exp((1 - weight) * math.log(previous) + weight * math.log(newest))


def blended(predicted: float, found: float, fraction: float) -> float:
    """Seconds left, blended from the prediction and the painting's own speed so far.

    From `BELIEVED_FROM` of the work on, only the painting's own speed counts.
    """
    share = min(1.0, fraction / BELIEVED_FROM)
    if predicted <= 0 or found <= 0:
        return found
    return math.exp((1 - share) * math.log(predicted) + share * math.log(found))


def start_after(work_seconds: float, busy: Iterable[float], engines: int) -> float:
    """Seconds until an engine is free if this work is done first.

    The work fills up the engines' remaining times to a common level (water-filling): the smallest t
    with sum(max(0, t - remaining)) >= work.
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
