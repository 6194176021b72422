"""The words the bot and the engine share: a job, its states, and what is known of it.

All times are aware datetimes in UTC; everything here is frozen, so that a value read from the
database cannot be mistaken for the database itself.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from common.defaults import Notify
from common.options import MAX_SIZE_PX, PaintInputs, PaintOptions
from common.sentences import Sentence


class JobState(StrEnum):
    """Where a job stands. Delivery of its message is a separate mark on the job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more will be painted for the job."""
        return self in ENDED


ENDED = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks for a painting, and where: what the limits are about."""

    user_id: int
    user_name: str = ""
    role_ids: tuple[int, ...] = ()
    is_admin: bool = False
    """Admins may paint in all channels and without a painter's role; numbers hold for them."""
    guild_id: int | None = None
    channel_id: int | None = None
    parent_channel_id: int | None = None
    """Of a thread: the channel that it is in. Where that is allowed, its threads are, too."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Where the message of a job lives, and how it may be reached."""

    application_id: int
    interaction_id: int
    interaction_token: str
    token_expires_at: datetime
    channel_id: int | None = None
    message_id: int | None = None
    ephemeral: bool = False
    spoiler: bool = False
    bot_in_channel: bool = True
    """False for a user-installed app, and wherever the bot is no member."""
    only_commands: bool = False
    """Whether the server installed the commands without the bot: all who are there see the answer,
    but only the interaction's token reaches it."""
    locale: str = "en-US"
    upload_limit_bytes: int = 10 * 1024 * 1024
    notify: Notify = "long"
    """Whether its member is mentioned when it is ready; "long": if it took longer than a minute."""
    notes: tuple[Sentence, ...] = ()
    """What the result is to say of the pictures that it was made from."""
    alt_text: str = ""
    """How its member describes the picture to those who do not see it; empty: what it is."""
    painted_from: str = ""
    """Where the picture stands that it is painted on from, for its file; empty: none, or not for
    everybody there."""


@dataclass(frozen=True, slots=True)
class Submission:
    """All that is needed to queue a job. The interaction of the reply makes it idempotent."""

    asker: Asker
    reply: Reply
    inputs: PaintInputs
    options: PaintOptions
    parent_job_id: int | None = None
    """The job that this one is a remix of."""
    left_open: tuple[str, ...] = ()
    """Options that nobody chose: lowered to what the limits allow, where others are refused."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a running job is, as the engine last said."""

    iteration: int
    iterations_total: int
    fraction: float
    """From 0 to 1, over all scales."""
    seconds_left: float | None = None
    preview_key: str | None = None
    note: str | None = None
    """What is being done when it is not painting, such as "loading VGG19…"."""
    done: tuple[str, ...] = ()
    """Of a job with several versions: keys of those that are finished, in their order."""
    frame: int | None = None
    """Of a clip: how many of its frames are painted."""
    frames: int | None = None
    """Of a clip: how many it has."""
    anew: Sentence | None = None
    """Why it was begun anew, where something had been painted before."""


@dataclass(frozen=True, slots=True)
class PaintedClip:
    """A painting that moves, as keys of the store."""

    key: str
    """Of its clip file (`common.clips`), which is without loss."""
    frames: int
    seconds: float
    """From its beginning to its end, once."""
    plays: int
    """How often it is shown; 0: for ever."""
    files: dict[str, str] = field(default_factory=dict)
    """What is shown of it: keys of the same as `mp4`, `gif` and `webp`, each where there is one."""
    has_alpha: bool = False
    """Whether something behind it is seen, for which an MP4 has white."""


@dataclass(frozen=True, slots=True)
class PaintReport:
    """How a finished picture came to be."""

    network: str
    device: str
    precision: str
    width_px: int
    height_px: int
    seconds: float
    iterations: int
    seed: int
    notes: tuple[Sentence, ...] = ()
    """What is not as it was asked for."""
    records: dict[str, str] = field(default_factory=dict)
    """Keys of the files that were recorded besides a film, by their names."""
    variants: tuple[str, ...] = ()
    """Of a job with several versions: the keys of all; the first is also the job's result."""
    clip: PaintedClip | None = None
    """Of a painting that moves, of which the job's result is a still."""


class FailureKind(StrEnum):
    """Why a job failed; all but INPUT and LOST are counted back as a whole to the user's limits."""

    INPUT = "input"
    """The user's pictures or settings."""
    ENGINE = "engine"
    LOST = "lost"
    """Its engine died three times."""
    STYLE_MISSING = "style_missing"
    """The preset's scan is not there and could not be fetched."""
    INTERNAL = "internal"
    ERASED = "erased"
    """Somebody else brought a picture for it, and had their data erased."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, in one sentence for the user, and the id that finds it in the log."""

    kind: FailureKind
    message: str
    """In English."""
    error_id: str
    sentence: Sentence | None = None
    """The message, to be said in any language; None in a row of an older version."""

    @property
    def is_ours(self) -> bool:
        """Whether it was no fault of the member's pictures or settings."""
        return self.kind not in {FailureKind.INPUT, FailureKind.ERASED}

    @classmethod
    def of(cls, kind: FailureKind, said: Sentence, error_id: str) -> Self:
        """A failure with a sentence that can be translated."""
        return cls(kind, str(said), error_id, said)


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the queue as it was at one moment."""

    id: int
    interaction_id: int
    state: JobState
    user_id: int
    user_name: str
    guild_id: int | None
    channel_id: int | None
    inputs: PaintInputs
    options: PaintOptions
    parent_job_id: int | None
    reply: Reply
    progress: Progress | None
    preview_key: str | None
    result_key: str | None
    timelapse_key: str | None
    report: PaintReport | None
    failure: Failure | None
    cancel_requested: bool
    attempts: int
    predicted_seconds: float
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    revision: int
    shown_revision: int
    delivered_at: datetime | None
    delivery_attempts: int = 0
    came_by_dm: bool = False
    """Whether its message is one in its member's direct messages, since no other could be had."""
    pictures_deleted_at: datetime | None = None
    """When the pictures were deleted, by the member or after the retention; ahead while a deletion
    can be taken back."""
    unreadable: Sentence | None = None
    """Set when another version wrote the row and it cannot be read; such a job is not painted.
    Nor can one be read that was erased."""
    erased_at: datetime | None = None
    """When the user's data was erased; the row is kept for a day's limit only."""
    message_removed_at: datetime | None = None
    """When somebody deleted its message in Discord: from then on only its owner is shown it."""
    network: str | None = None
    """The one that paints it, on whichever engine; None in a row of an older version."""
    instead_of_seconds: float | None = None
    """What VGG-19 would have taken, where lite paints for that reason alone."""
    cancelled_by: int | None = None
    """Who cancelled it, where that was not its member; may be `COMMAND_LINE` or `SERVER_LEFT`."""
    back_until: datetime | None = None
    """Until when a clearing of the queue, which cancelled it, can be undone."""
    notified_at: datetime | None = None
    """When its member was told of its end by a message of its own, or needed no such word."""

    @property
    def versions(self) -> tuple[str, ...]:
        """Of a job with several versions that has ended: keys of those that are finished.

        All of them, or as many as were when it failed or was cancelled; none once they are deleted.
        """
        if self.pictures_deleted_at is not None or not self.state.ended:
            return ()
        if self.state is JobState.DONE:
            return self.report.variants if self.report else ()
        return self.progress.done if self.progress else ()


@dataclass(frozen=True, slots=True)
class Standing:
    """The place of a job in the queue and the time it is expected to be ready."""

    place: int
    """1 is painted next; 0 is being painted, or has ended."""
    ready_at: datetime | None
    """By this machine's clock; None when no engine is alive or the queue is paused."""
    engines_alive: int
    paused: bool
    engine_starting: bool = False
    """Whether one is on its way where none is alive."""


@dataclass(frozen=True, slots=True)
class Intake:
    """A command that was acknowledged and is not yet a job."""

    interaction_id: int
    payload: dict[str, Any]
    created_at: datetime
    user_id: int


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """One running engine process."""

    id: str
    host: str
    device: str
    network: str
    version: str
    pid: int
    last_seen: datetime | None = None
    """Of the database's clock; None before it is registered."""
    model: str = ""
    """What its device is called, such as the name of a card."""
    networks: tuple[str, ...] = ()
    """Those whose weights it has; empty where it does not say, which counts as all."""
    memory_bytes: int | None = None
    """Of its device, in all."""
    memory_used_bytes: int | None = None
    """Of these, as it said last."""
    largest_px: int = MAX_SIZE_PX
    """The longest side of a picture for which it has the memory."""
    pace: float | None = None
    """Seconds for a unit of work (`jobs.order.speeds`): the best that was measured of it, or until
    then what it found out, or guesses, by itself."""
    trouble: str | None = None
    """What keeps it from painting, in English."""


@dataclass(frozen=True, slots=True)
class Claim:
    """An engine's right to paint a job, until the lease ends or is renewed."""

    job: Job
    engine_id: str
    fence: int
    """Grows with each claim of the job; writes with an older one are refused."""
    lease_expires_at: datetime
    checkpoint_key: str | None
    done: tuple[str, ...] = ()
    """Keys of the versions of the job that earlier engines finished, in their order."""
    frames: tuple[str, ...] = ()
    """Keys of the painted frames that belong to the checkpoint, in their order."""


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One line of a job's history."""

    at: datetime
    kind: str
    actor: str
    details: dict[str, Any]
