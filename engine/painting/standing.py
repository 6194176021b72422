"""Where a run stands, besides its picture."""

from dataclasses import dataclass

import torch

from engine.painting import devices
from engine.painting.checkpoint import Progress
from engine.painting.ledger import Ledger


@dataclass(eq=False)
class Standing:
    """What a checkpoint keeps of a run besides its tensors.

    Attributes:
        ledger: losses, notes and time.
        dtype: of the convolutions; float32 after a recovery.
        cap_px: most that tiles may be; None for no limit but memory.
        failures: recoveries so far.
        pace: share of the step that they have left.
    """

    ledger: Ledger
    dtype: torch.dtype
    cap_px: int | None
    failures: int = 0
    pace: float = 1.0

    @property
    def wide(self) -> torch.dtype:
        """Type of the picture's numbers."""
        return torch.float64 if self.dtype is torch.float64 else torch.float32

    def progress(self, job: str, memory_bytes: int, scale: int, iteration: int) -> Progress:
        """For the checkpoint of an iteration of a scale."""
        ledger = self.ledger
        losses = [one for one in ledger.losses if (one.scale, one.iteration) <= (scale, iteration)]
        return Progress(
            job=job,
            memory_bytes=memory_bytes,
            scale=scale,
            iteration=iteration,
            precision=devices.precision_name(self.dtype),
            cap_px=self.cap_px,
            failures=self.failures,
            pace=self.pace,
            seconds=ledger.seconds,
            evaluated=ledger.iterations,
            reference=ledger.reference,
            notes=tuple(ledger.notes),
            losses=tuple(losses),
        )

    def take(self, progress: Progress, device: torch.device) -> None:
        """Go on from there."""
        ledger = self.ledger
        ledger.notes, ledger.losses = list(progress.notes), list(progress.losses)
        ledger.seconds, ledger.iterations = progress.seconds, progress.evaluated
        ledger.reference = progress.reference
        self.dtype = devices.choose_dtype(progress.precision, device)
        self.cap_px = progress.cap_px
        self.failures, self.pace = progress.failures, progress.pace
