"""How the painting of a job ended, before any of it is written to the queue."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path

from engine.worker.job_handle import StopReason
from jobs.model import Failure, PaintReport


@dataclass(frozen=True)
class ClipFiles:
    """A painted clip, as files that are not in the store yet.

    They may be large, and are in the handle's folder.
    """

    clip: Path
    """The lossless clip file."""
    frames: int
    seconds: float
    plays: int
    files: Mapping[str, Path]
    """The encoded files, by `gif`, `mp4` and `webp`."""
    has_alpha: bool


@dataclass(frozen=True)
class Finished:
    """The job is painted; its files are not in the store yet."""

    picture: bytes
    """A PNG."""
    report: PaintReport
    timelapse: bytes = b""
    timelapse_suffix: str = ".mp4"
    records: Mapping[str, bytes] = field(default_factory=dict)
    """Files recorded besides the time-lapse, by name."""
    earlier: tuple[str, ...] = ()
    """Keys of the job's earlier versions, which are in the store already."""
    moving: ClipFiles | None = None
    """The files of a clip; `picture` is its first frame then."""


@dataclass(frozen=True)
class Failed:
    """The job cannot be painted."""

    failure: Failure


class IfHealthy(Enum):
    """What happens to the job if store, disk and device turn out to be healthy."""

    FAIL = auto()
    """The job has failed."""
    COUNT_ATTEMPT = auto()
    """One attempt is used up, as if its engine had died."""
    REQUEUE = auto()
    """The trouble has passed; the job is queued again, a few times."""


@dataclass(frozen=True)
class InfrastructureFailure:
    """A failure that the environment may have caused: store, disk, device, network."""

    reason: str
    """In English, for the log and the owner."""
    failure: Failure
    """The failure to tell the member, if the job is the cause after all."""
    if_healthy: IfHealthy


@dataclass(frozen=True)
class Stopped:
    """The painting was told to stop."""

    reason: StopReason


Outcome = Finished | Failed | InfrastructureFailure | Stopped
