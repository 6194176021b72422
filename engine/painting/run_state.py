"""The state of a run, except the optimizer's."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from common.sentences import Sentence
from engine.painting import devices
from engine.painting.checkpoint import Header
from engine.painting.iteration_costs import ConstantCost
from engine.painting.loss_log import LossLog
from engine.painting.plan import Plan
from engine.threads import Threads


@dataclass(eq=False)
class RunState:
    """What changes during painting, and is saved in checkpoints."""

    plan: Plan
    """The plan; its histories get shorter when memory runs out."""
    fingerprint: str
    """Hash of pictures and settings, which a checkpoint must match."""
    network: str
    """Name of the network."""
    weights: str
    """Hash of its weights."""
    threads: Sequence[Threads]
    """CPU threads that paint each scale."""
    constant: ConstantCost
    """The constant cost of an iteration that is expected, for the time left."""
    planned_bytes: int
    """Memory that the plan was made for."""
    dtype: torch.dtype
    """Type of the network's weights and features; float32 after a recovery."""
    cap_px: int | None
    """Limit of the tiles' core; None for no limit besides memory."""
    failures: int = 0
    """Number of recoveries so far."""
    pace: float = 1.0
    """Factor of the step length after the recoveries."""
    notes: list[Sentence] = field(default_factory=list)
    """What happened, for the report."""
    log: LossLog = field(init=False)
    """Losses and time so far."""

    def __post_init__(self) -> None:
        self.log = LossLog(self.plan.scales, self.threads, self.constant)

    @property
    def picture_dtype(self) -> torch.dtype:
        """Type of the picture and of the optimizer's state."""
        return torch.promote_types(self.dtype, torch.float32)

    def header(self, scale: int, iteration: int, *, ended: bool) -> Header:
        """Header of a checkpoint at an iteration of a scale.

        Args:
            scale: number of the scale.
            iteration: number of iterations done in it.
            ended: whether it ended there, before its last iteration.
        """
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
            network=self.network,
            weights=self.weights,
        )

    def restore(self, header: Header, device: torch.device) -> None:
        """Restore the state from a checkpoint's header."""
        log = self.log
        self.notes, log.losses = list(header.notes), list(header.losses)
        log.seconds, log.iterations = header.seconds, header.evaluated
        log.reference = header.reference
        self.dtype = devices.choose_dtype(header.precision, device)
        self.cap_px = header.cap_px
        self.failures, self.pace = header.failures, header.pace
