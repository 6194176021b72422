"""What the queue answers: small types, to be told apart with `match`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from common.errors import AtelierError
from jobs.model import Job

BLOCKED = "blocked"
"""What refuses somebody who was blocked, which is no limit."""


class Unforeseen(StrEnum):
    """Why nobody can say when a job will end, and with it the wait for a free place."""

    NO_ENGINE = "no_engine"
    STARTING = "starting"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Which limit refused, what it stands at, and when it will work again."""

    limit: str
    """A name in `common.limits.LIMITS`, or `BLOCKED`."""
    allowed: int | str | tuple[int, ...] = ()
    current: int | str = ""
    available_at: datetime | None = None
    """None when that does not depend on time, or is unforeseen."""
    is_predicted: bool = False
    """Whether that time depends on how fast is painted what waits."""
    by_operator: bool = False
    """Whether it is the operator's limit, which a server's admins cannot loosen."""
    set_by_server: bool = False
    """Whether a server's admins set the number; else it is the operator's."""
    unforeseen: Unforeseen | None = None
    """Why there is no time where there could be one."""
    asked: int = 1
    """How many pictures were asked for at once, where the limit is a number of pictures."""
    reason: str = ""
    """Why, as an admin or the operator put it; of a block."""


@dataclass(frozen=True, slots=True)
class Usage:
    """How many pictures count at the moment, and how many are allowed; each version is one."""

    current: int
    allowed: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """The job is in the queue and will not be lost."""

    job: Job


@dataclass(frozen=True, slots=True)
class AlreadySubmitted:
    """The same interaction was submitted before; this is its job."""

    job: Job


@dataclass(frozen=True, slots=True)
class Refused:
    """A limit stands in the way; nothing was queued or counted."""

    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Erased:
    """The user had everything erased since the command was given; nothing was queued."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The job was waiting and has ended as cancelled."""

    job: Job


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """The job is being painted; its engine will stop within two seconds."""

    job: Job


@dataclass(frozen=True, slots=True)
class AlreadyEnded:
    """There was nothing left to cancel."""

    job: Job


@dataclass(frozen=True, slots=True)
class NotYours:
    """The job is somebody else's."""


@dataclass(frozen=True, slots=True)
class NoSuchJob:
    """There is no such job, or no longer."""


CancelOutcome = Cancelled | CancelRequested | AlreadyEnded | NotYours | NoSuchJob
SubmitOutcome = Accepted | AlreadySubmitted | Refused | Erased


@dataclass(frozen=True, slots=True)
class Cleared:
    """What waited was cancelled by an admin."""

    id: int
    """By which it can be undone."""
    job_ids: tuple[int, ...]
    undo_until: datetime


@dataclass(frozen=True, slots=True)
class ClearUndone:
    """What was cleared waits again, at its old places."""

    job_ids: tuple[int, ...]
    lost: int
    """Jobs that stay cancelled, because their pictures have been deleted since."""


@dataclass(frozen=True, slots=True)
class TooLateToUndo:
    """It was cleared too long ago, or by nobody."""


UndoOutcome = ClearUndone | TooLateToUndo


@dataclass(frozen=True, slots=True)
class LeaseHeld:
    """The write was accepted: the job is still this engine's."""

    cancel_requested: bool = False


@dataclass(frozen=True, slots=True)
class LeaseLost:
    """The job is no longer this engine's: nothing was written; stop at once."""


LeaseOutcome = LeaseHeld | LeaseLost


class QueueError(AtelierError):
    """Something about the queue that a person has to put right; the text says what."""


class QueueUnavailableError(QueueError):
    """The database cannot be used at the moment (locked, full, unreachable); try again later."""


class DatabaseAddressError(QueueUnavailableError):
    """What the settings have for its address leads nowhere; only another one helps."""


class DatabaseLockedError(QueueUnavailableError):
    """Another program keeps the lock of SQLite's writers."""

    def __init__(self, file: str) -> None:
        super().__init__(f"Another program keeps {file} locked, so nothing can be written.")
        self.file = file


class DatabaseTooNewError(QueueError):
    """The database was written by a newer version."""


class OtherVersionError(QueueError):
    """A job is of another version, which serves this queue; it was left as it is."""


class DatabaseRefusedError(QueueError):
    """The database is another bot's, or another one serves it at the moment."""


class DatabaseTooOldError(QueueError):
    """The database is of an older version, or has no tables yet, and was not to be changed."""


class NoDatabaseError(DatabaseTooOldError):
    """There is no database yet, or one without tables."""


def may_pass(error: QueueError) -> bool:
    """Whether another start may find the queue well: its server starts, or its tables come.

    Who supervises a program starts it again then, and not where a setting is wrong.
    """
    if isinstance(error, DatabaseAddressError):
        return False
    return isinstance(error, QueueUnavailableError | DatabaseTooOldError)
