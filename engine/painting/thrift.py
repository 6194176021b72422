"""Keeping a process within its memory on a CPU, where freed memory is not given back by itself."""

from dataclasses import dataclass

import torch

from engine.painting import devices
from engine.painting.memory import AROUND_BYTES, Memory


@dataclass(eq=False)
class Thrift:
    """Gives freed memory back before a piece of work that would go beyond what is allowed.

    Giving it back costs time, as it has to be taken again, so it is done only then.

    Attributes:
        most_bytes: of the process; None where its memory is not what is painted in.
        next_bytes: what the next piece of work takes.
    """

    most_bytes: int | None
    next_bytes: int = 0

    @classmethod
    def from_here(cls, memory: Memory, device: torch.device) -> "Thrift":
        """For a painting whose pictures and network are in memory already."""
        if device.type != "cpu":
            return cls(None)
        # Part of what is put by is in memory already.
        return cls(devices.resident_bytes() + memory.total - memory.fixed - AROUND_BYTES // 2)

    def check(self) -> None:
        """Call before each piece of work."""
        most = self.most_bytes
        if most is not None and devices.resident_bytes() + self.next_bytes > most:
            devices.trim_memory()
