"""The state of a run, besides its picture."""

from dataclasses import dataclass, field

import torch

from common.sentences import Sentence
from engine.painting import devices
from engine.painting.checkpoint import Header
from engine.painting.loss_log import LossLog
from engine.painting.plan import Plan


@dataclass(eq=False)
class RunState:
    """What changes while it is painted; a checkpoint keeps it."""

    plan: Plan
    """All numbers; its histories get less where memory runs out."""
    fingerprint: str
    """Hash of the pictures and settings, which a checkpoint must carry."""
    planned_bytes: int
    """Memory that the plan was made for."""
    dtype: torch.dtype
    """Type of the convolutions' numbers; float32 after a recovery."""
    cap_px: int | None
    """Most that tiles may be; None for no limit but memory."""
    failures: int = 0
    """Number of recoveries so far."""
    pace: float = 1.0
    """Share of the step that they have left."""
    notes: list[Sentence] = field(default_factory=list)
    """What happened, for the report."""
    log: LossLog = field(init=False)
    """Losses and time so far."""

    def __post_init__(self) -> None:
        self.log = LossLog(self.plan.scales)

    @property
    def wide(self) -> torch.dtype:
        """Type of the picture's numbers."""
        return torch.promote_types(self.dtype, torch.float32)

    def header(self, scale: int, iteration: int, *, ended: bool) -> Header:
        """For the checkpoint of an iteration of a scale, which may have ended there."""
        log = self.log
        losses = [one for one in log.losses if (one.scale, one.iteration) <= (scale, iteration)]
        return Header(
            fingerprint=self.fingerprint,
            memory_bytes=self.planned_bytes,
            scale=scale,
            iteration=iteration,
            precision=devices.precision_name(self.dtype),
            cap_px=self.cap_px,
            failures=self.failures,
            pace=self.pace,
            seconds=log.seconds,
            evaluated=log.iterations,
            reference=log.reference,
            notes=tuple(self.notes),
            losses=tuple(losses),
            ended=ended,
        )

    def take(self, header: Header, device: torch.device) -> None:
        """Go on from there."""
        log = self.log
        self.notes, log.losses = list(header.notes), list(header.losses)
        log.seconds, log.iterations = header.seconds, header.evaluated
        log.reference = header.reference
        self.dtype = devices.choose_dtype(header.precision, device)
        self.cap_px = header.cap_px
        self.failures, self.pace = header.failures, header.pace
