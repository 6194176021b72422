"""Accuracy of the time left under changing load: `python -m bench.time_left_replay`.

Replays paintings that were recorded under load: the engine's estimate after each iteration is
compared with the actual time. For comparison, an ideal estimate knows the remaining work exactly,
but only the past load; its error cannot be avoided.

`--record 5` records five paintings of each size, and adds them to the file.
"""

import argparse
import json
import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bench.report import table
from bench.runner import RESULTS, Setup, add_places, run
from bench.time_left import EARLY_FACTOR, LATER_FACTOR, SIZES_PX, Told, told
from engine.painting import Studio
from engine.painting.plan import Scale
from engine.painting.time_left import TimeLeft
from engine.threads import Threads

RECORDED = RESULTS / "time_left_recorded.json"
_FORGOTTEN_SECONDS = 10.0


@dataclass(frozen=True)
class Recorded:
    """A recorded painting."""

    size_px: int
    scales: tuple[tuple[int, int, int], ...]
    """Height, width and iterations of each."""
    slowness: float | None
    """The slowness passed to `TimeLeft`."""
    iterations: tuple[tuple[int, float, float, float, float], ...]
    """Per iteration: scale, seconds, processor seconds; and both since the start, at its end."""
    seconds: float
    processor_seconds: float


@cache
def _multiplications_per_pixel() -> float:
    """Those of lite, which the paintings were recorded with."""
    lite = Studio().encoder("lite", "average")
    return lite.multiplications_per_pixel(lite.layers)


Estimate = Callable[[Recorded], Iterator[tuple[float, float | None]]]
"""For a painting, after each iteration: seconds since its start, and estimated seconds left."""


def as_told(painting: Recorded) -> Iterator[tuple[float, float | None]]:
    """The engine's estimates."""
    scales = [Scale((height, width), count) for height, width, count in painting.scales]
    guess = Studio(precision="fp32").constant_cost("lite", _multiplications_per_pixel())
    time_left = TimeLeft(scales, [Threads(1)] * len(scales), guess, painting.slowness)
    done: dict[int, int] = {}
    ended = 0.0
    for scale, seconds, worked, now, processor in painting.iterations:
        if scale not in done:
            time_left.costs.add_set_up(scale, processor - worked - ended)
        ended = processor
        done[scale] = done.get(scale, 0) + 1
        time_left.add(scale, seconds, worked)
        yield now, time_left.seconds(scale, done[scale])


def knowing_the_work(painting: Recorded) -> Iterator[tuple[float, float | None]]:
    """The ideal estimates: with the remaining work known, and the past load."""
    passed = worked = before = processor_before = 0.0
    for _, _, _, now, processor in painting.iterations:
        kept = math.exp((before - now) / _FORGOTTEN_SECONDS)
        passed = passed * kept + now - before
        worked = worked * kept + processor - processor_before
        before, processor_before = now, processor
        yield now, (painting.processor_seconds - processor) * passed / worked


def replayed(painting: Recorded, estimate: Estimate) -> Told:
    """Errors of an estimate over a painting."""
    left = [(now, now / painting.seconds, seconds) for now, seconds in estimate(painting)]
    answer = {"seconds": painting.seconds, "left": left}
    return told(painting.size_px, answer, loaded=True)


def replayed_text(paintings: Sequence[Recorded]) -> str:
    """A row for each estimate."""
    rows = []
    for name, estimate in (
        ("as it is told", as_told),
        ("one who knows the work to come", knowing_the_work),
    ):
        found = [replayed(one, estimate) for one in paintings]
        early = [factor for one in found for factor in one.early]
        later = [factor for one in found for factor in one.later]
        figures = []
        for factors, most in ((early, EARLY_FACTOR), (later, LATER_FACTOR)):
            if not factors:  # Fast paintings have no iteration in the first tenth of their time.
                figures += ["–", "–"]
                continue
            within = statistics.mean(factor <= most for factor in factors)
            figures += [f"{statistics.median(factors):.2f}", f"{within:.0%}"]
        rows.append((name, *figures))
    head = (
        f"{len(paintings)} paintings",
        "before a tenth: median",
        f"within {EARLY_FACTOR}",
        "later: median",
        f"within {LATER_FACTOR}",
    )
    return table(head, rows)


def read_recorded(file: Path = RECORDED) -> list[Recorded]:
    """Read the recorded paintings; empty if the file does not exist."""
    if not file.is_file():
        return []
    return [_recorded(one) for one in json.loads(file.read_text("utf-8"))]


def _recorded(values: dict[str, Any]) -> Recorded:
    scales = tuple(tuple(one) for one in values["scales"])
    iterations = tuple(tuple(one) for one in values["iterations"])
    return Recorded(**{**values, "scales": scales, "iterations": iterations})


def main(arguments: Sequence[str] | None = None) -> None:
    """Record paintings if requested, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.time_left_replay", description=__doc__)
    parser.add_argument("--record", type=int, default=0, help="paintings of each size")
    parser.add_argument("--network", default="lite", help="that they are recorded with")
    add_places(parser)
    chosen = parser.parse_args(arguments)
    file: Path = chosen.out / RECORDED.name
    paintings = read_recorded(file)
    if chosen.record:
        setup = Setup(chosen.content.resolve(), chosen.style.resolve(), chosen.out, chosen.out)
        setup.check()
        for _ in range(chosen.record):
            for size_px in SIZES_PX:
                print(f"… {size_px} px", flush=True)
                found = setup.child("iteration_times", size_px=size_px, network=chosen.network)
                paintings.append(_recorded(found))
        lines = ",\n".join(json.dumps(asdict(one)) for one in paintings)
        file.write_text(f"[\n{lines}\n]\n", "utf-8")
    print(f"\n{replayed_text(paintings)}")


if __name__ == "__main__":
    run(main)
