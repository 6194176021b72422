"""Results of the queue's operations, as small types to tell apart with `match`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from common.errors import AtelierError
from jobs.model import Job

BLOCKED = "blocked"
"""Name of the refusal of a blocked user, which is not a limit."""


class Unforeseen(StrEnum):
    """Why there is no prediction of when a waiting place will be free."""

    NO_ENGINE = "no_engine"
    STARTING = "starting"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Which limit refused, its value, and when it will work again."""

    limit: str
    """A name in `common.limits.LIMITS`, or `BLOCKED`."""
    allowed: int | str | tuple[int, ...] = ()
    current: int | str = ""
    available_at: datetime | None = None
    """None if it does not depend on time, or cannot be predicted."""
    is_predicted: bool = False
    """Whether that time is a prediction of the queue."""
    by_operator: bool = False
    """Whether it is the operator's limit, which a server's admins cannot loosen."""
    set_by_server: bool = False
    """Whether a server's admins set the number; else it is the operator's."""
    unforeseen: Unforeseen | None = None
    """Why there is no prediction although the limit depends on the queue."""
    asked: int = 1
    """How many pictures were asked for at once, where the limit is a number of pictures."""
    reason: str = ""
    """Reason of a block, as entered by an admin or the operator."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Number of pictures that count now, and the limit; each version counts as one."""

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
    """A limit refuses the job; nothing was queued or counted."""

    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Erased:
    """The user had their data erased since the command; nothing was queued."""


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
    """Waiting jobs were cancelled by an admin."""

    id: int
    """ID by which it can be undone."""
    job_ids: tuple[int, ...]
    undo_until: datetime


@dataclass(frozen=True, slots=True)
class ClearUndone:
    """The cleared jobs are queued again, at their old places."""

    job_ids: tuple[int, ...]
    lost: int
    """Jobs that stay cancelled, because their pictures have been deleted since."""


@dataclass(frozen=True, slots=True)
class TooLateToUndo:
    """It was cleared too long ago, or never."""


UndoOutcome = ClearUndone | TooLateToUndo


@dataclass(frozen=True, slots=True)
class LeaseHeld:
    """The write was accepted: the engine still holds the job."""

    cancel_requested: bool = False


@dataclass(frozen=True, slots=True)
class LeaseLost:
    """The engine no longer holds the job: nothing was written; stop at once."""


LeaseOutcome = LeaseHeld | LeaseLost


class QueueError(AtelierError):
    """Something is wrong with the queue that a person has to fix; the text says what."""


class QueueUnavailableError(QueueError):
    """The database cannot be used at the moment (locked, full, unreachable); try again later."""


class DatabaseAddressError(QueueUnavailableError):
    """The configured database address does not work; only another one helps."""


class DatabaseLockedError(QueueUnavailableError):
    """Another program holds SQLite's write lock."""

    def __init__(self, file: str) -> None:
        super().__init__(f"Another program keeps {file} locked, so nothing can be written.")
        self.file = file


class DatabaseTooNewError(QueueError):
    """The database was written by a newer version."""


class OtherVersionError(QueueError):
    """A job was written by the version that serves this queue, which is another one."""


class DatabaseRefusedError(QueueError):
    """The database belongs to another bot, or is being served by one."""


class DatabaseTooOldError(QueueError):
    """The database is of an older version or has no tables yet, and must not be changed."""


class NoDatabaseError(DatabaseTooOldError):
    """There is no database yet, or one without tables."""


def is_transient(error: QueueError) -> bool:
    """Whether a retry may succeed: the server may come up, or the tables be created.

    A supervisor then restarts the program; it must not where a setting is wrong.
    """
    if isinstance(error, DatabaseAddressError):
        return False
    return isinstance(error, QueueUnavailableError | DatabaseTooOldError)
