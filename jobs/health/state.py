"""The state of an installation at one moment, as `jobs.health.check` finds it."""

from dataclasses import dataclass
from datetime import datetime

from jobs.db.liveness import BotState
from jobs.model import EngineInfo, Job


@dataclass(frozen=True, slots=True)
class EngineState:
    """An engine that is alive."""

    info: EngineInfo
    job: Job | None
    """The job that it paints."""


@dataclass(frozen=True, slots=True)
class EngineTrouble:
    """An engine that cannot paint, still running or just ended."""

    host: str
    device: str
    reason: str
    """In English."""

    @property
    def place(self) -> str:
        """Host and device."""
        return f"{self.host} ({self.device})"


@dataclass(frozen=True, slots=True)
class StoreState:
    """How the picture store answered."""

    problem: str | None = None
    """In English; None if it can write, read and delete."""
    seconds: float = 0.0
    """Duration of the check; 0 if it was not made."""


@dataclass(frozen=True, slots=True)
class Health:
    """The state of an installation at one moment."""

    at: datetime
    bots: tuple[BotState, ...]
    engines: tuple[EngineState, ...]
    waiting: int
    running: int
    paused_everywhere: bool
    oldest_waiting_seconds: float | None
    """Of the startable jobs, without those of paused servers."""
    failures: tuple[Job, ...]
    """Failed jobs of the last day, newest first."""
    free_bytes: int | None
    """On the disk of the data folder or of the pictures, whichever has less; None if unknown."""
    reserve_bytes: int
    store: StoreState
    free_in: str
    """A folder on that disk; empty if unknown."""
    engine_starting: bool
    """Whether an engine is starting while none is alive."""
    networks_lacking: tuple[str, ...]
    """Networks that waiting jobs or the next ones need and no living engine has."""
    crashing: tuple[str, ...]
    """Programs in a crash loop, such as `engine on cuda:0`."""
    read_only: bool
    """Whether the database rejects writes, as a standby does."""
    newer_schema: str | None
    """The schema of the database if a newer version has migrated it, else None."""
    failures_in_a_row: int
    engine_troubles: tuple[EngineTrouble, ...]
    database_seconds: float
    """Duration of the queries to the database."""
