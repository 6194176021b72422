"""Clocks for iterations: wall time, and the processor time of all threads."""

import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import torch

from engine.painting.devices import peak_memory_bytes


@dataclass
class Clock:
    """Notes when each iteration ended; time within `paused` is taken out."""

    marks: list[tuple[int, float, float]] = field(default_factory=list)
    _out: tuple[float, float] = (0.0, 0.0)

    def mark(self, iteration: int) -> None:
        """Note that this iteration has ended (0 for the start)."""
        wall, processor = time.perf_counter() - self._out[0], time.process_time() - self._out[1]
        self.marks.append((iteration, wall, processor))

    def leave_out(self, wall: float, processor: float) -> None:
        """Take away time that belongs to the measurement, not to what is measured."""
        self._out = (self._out[0] + wall, self._out[1] + processor)


def receive() -> dict[str, Any]:
    """The task of this child; threads are set as it says."""
    task: dict[str, Any] = json.load(sys.stdin)
    if task.get("threads"):
        torch.set_num_threads(task["threads"])
    return task


def answer(**values: Any) -> None:
    """Give the result back, with this process' peak memory."""
    peak = peak_memory_bytes(torch.device("cpu"))
    print("\n" + json.dumps({"peak_memory_bytes": peak, **values}), flush=True)
