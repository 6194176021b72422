"""The pace of an engine: measured once while it is idle, and saved for its next starts."""

import logging
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from common.files import read_texts, write_texts
from common.options import PaintOptions
from common.version import VERSION
from engine.networks.registry import weights_file
from engine.painting import Control, PaintingStoppedError, Picture, Stepped, Studio, Style, paint
from engine.painting.devices import precision_name
from engine.painting.plan import Scale
from engine.worker.abilities import device_model
from jobs.scheduling.speeds import STANDARD_ITERATIONS

log = logging.getLogger(__name__)

TRIAL_SIDE_PX = {"cuda": 1024, "mps": 512, "cpu": 256}
"""Large enough to use the device as a painting does, and quickly done."""
_FEW_THREADS, _MANY_THREADS_SIDE_PX = 4, 512
"""With more, a CPU's trial is larger: few of them would paint a small picture."""
_WARM_UP, _TIMED = 3, 8
"""Iterations; the warm-up ones are not timed."""
_LEAST_SHARE = 0.75
"""Share of the time in which a thread that only computes has to get a processor core; else others
used the cores, too."""
_SECONDS = "seconds_per_work"
_SLOWEST_SECONDS = 1e6
"""For a unit of work; a saved pace that is slower is damaged."""


@dataclass(frozen=True)
class Trial:
    """What was measured."""

    seconds: float
    """For a unit of work."""
    is_undisturbed: bool
    """Whether no other program slowed it down, as far as is known."""


class MeasuredPace:
    """The seconds that an engine needs for a unit of work.

    Measuring takes seconds of the processor, so the result is saved together with all on which it
    depends, and is measured anew only when some of that has changed. What was measured while other
    programs used the cores is not saved.
    """

    def __init__(self, studio: Studio, network: str, folder: Path) -> None:
        self._studio = studio
        self._network = network
        name = re.sub(r"[^\w.]", "-", f"{studio.device}-{network}")
        self._file = folder / f"{name}.json"
        self._depends_on: dict[str, str] | None = None
        self._seconds: float | None = None
        self._is_settled = False
        """Whether it is known, or could not be measured."""

    @property
    def seconds(self) -> float | None:
        """Seconds for a unit of work; None before it was measured.

        Raises:
            RuntimeError: the device does not answer.
        """
        if self._depends_on is None:
            self._depends_on = _dependencies(self._studio, self._network)
            self._seconds = _saved_seconds(read_texts(self._file), self._depends_on)
            self._is_settled = self._seconds is not None
        return self._seconds

    def measure(self, should_stop: Callable[[], bool]) -> None:
        """Measure it and save it, unless it is known or that has failed before.

        Raises:
            PaintingStoppedError: `should_stop` returned true.
            PaintSettingsError, WeightsError, PaintingFailedError: nothing can be painted here.
        """
        if self.seconds is not None or self._is_settled:
            return
        try:
            trial = measure_pace(self._studio, self._network, should_stop)
        except PaintingStoppedError:
            raise
        except Exception:
            self._is_settled = True
            raise
        self._is_settled = True
        if trial is None:
            return
        self._seconds = trial.seconds
        if trial.is_undisturbed and self._depends_on:
            try:
                write_texts(self._file, {**self._depends_on, _SECONDS: repr(trial.seconds)})
            except OSError as error:
                log.info("the measured pace is not saved: %s", error)


def _dependencies(studio: Studio, network: str) -> dict[str, str]:
    """All on which the pace depends, by name; empty if the network's weights are missing."""
    weights = weights_file(studio.source, network)
    try:
        found = None if weights is None else weights.stat()
    except OSError:
        found = None
    if found is None:
        return {}
    depends_on = {
        "version": VERSION,
        "torch": torch.__version__,
        "weights": f"{weights} {found.st_size} {found.st_mtime_ns}",
        "device": f"{studio.device} {device_model(studio.device)}",
        "precision": precision_name(studio.dtype),
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "memory": studio.max_memory_bytes,
        "trial": f"{_trial_side_px(studio)} px, {_WARM_UP} + {_TIMED} iterations",
    }
    return {name: str(value) for name, value in depends_on.items()}


def _saved_seconds(saved: dict[str, str], depends_on: dict[str, str]) -> float | None:
    """The saved pace, if all on which it depends is as it was."""
    text = saved.pop(_SECONDS, "")
    if not depends_on or saved != depends_on:
        return None
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and 0 < seconds < _SLOWEST_SECONDS else None


def _trial_side_px(studio: Studio) -> int:
    if studio.device.type == "cpu" and studio.threads > _FEW_THREADS:
        return _MANY_THREADS_SIDE_PX
    return TRIAL_SIDE_PX.get(studio.device.type, TRIAL_SIDE_PX["cpu"])


def measure_pace(studio: Studio, network: str, should_stop: Callable[[], bool]) -> Trial | None:
    """Measure the seconds for a unit of work on noise; None if too few iterations were done.

    Raises:
        PaintingStoppedError: `should_stop` returned true.
        PaintSettingsError, WeightsError, PaintingFailedError: nothing can be painted here.
    """
    side = _trial_side_px(studio)
    noise = Picture(torch.rand((3, side, side), generator=torch.Generator().manual_seed(0)))
    options = PaintOptions(
        size_px=side, iterations=_WARM_UP + _TIMED, scales=1, network=network, faces="off"
    )
    control = Control(should_stop=should_stop)
    began: _Clocks | None = None
    took: _Clocks | None = None
    for event in paint(noise, [Style(noise)], options, studio=studio, control=control):
        if isinstance(event, Stepped):
            event.losses()  # waits for what the device was told
            if event.iteration == _WARM_UP:
                began = _Clocks.now()
            elif began is not None and event.iteration == _WARM_UP + _TIMED:
                took = _Clocks.now().since(began)
    if took is None:
        return None
    work = Scale((side, side), _TIMED).work * _TIMED / STANDARD_ITERATIONS / 1e6
    seconds = took.seconds / work
    computes_here = studio.device.type == "cpu"
    return Trial(seconds, not computes_here or took.in_thread > _LEAST_SHARE * took.seconds)


@dataclass(frozen=True)
class _Clocks:
    seconds: float
    in_thread: float
    """Seconds that the current thread has computed."""

    @classmethod
    def now(cls) -> "_Clocks":
        return cls(time.perf_counter(), time.thread_time())

    def since(self, earlier: "_Clocks") -> "_Clocks":
        return _Clocks(self.seconds - earlier.seconds, self.in_thread - earlier.in_thread)
