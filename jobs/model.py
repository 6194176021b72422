"""The types that the bot and the engine share: a job, its states, and what is known of it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from common.defaults import Notify
from common.options import MAX_SIZE_PX, PaintInputs, PaintOptions
from common.sentences import Sentence


class JobState(StrEnum):
    """The state of a job. Delivery of its message is recorded separately."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether the state is final."""
        return self in ENDED


ENDED = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks for a painting, and where: the input of all limits."""

    user_id: int
    user_name: str = ""
    role_ids: tuple[int, ...] = ()
    is_admin: bool = False
    """Admins may paint in all channels and without a painter role; numeric limits apply to them."""
    guild_id: int | None = None
    channel_id: int | None = None
    parent_channel_id: int | None = None
    """The channel of a thread. Where it is allowed, its threads are allowed, too."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Where the message of a job is, and how it can be reached."""

    application_id: int
    interaction_id: int
    interaction_token: str
    token_expires_at: datetime
    channel_id: int | None = None
    message_id: int | None = None
    ephemeral: bool = False
    spoiler: bool = False
    bot_in_channel: bool = True
    """False for a user-installed app, and wherever the bot is not a member."""
    only_commands: bool = False
    """Whether the server installed the commands without the bot. Everybody there sees the answer,
    but only the interaction's token can edit it."""
    locale: str = "en-US"
    upload_limit_bytes: int = 10 * 1024 * 1024
    notify: Notify = "long"
    """Whether to mention the member when it is ready; "long": if it took longer than a minute."""
    notes: tuple[Sentence, ...] = ()
    """Notes about the input pictures, to be shown with the result."""
    alt_text: str = ""
    """Alt text from the member; empty for the default."""
    painted_from: str = ""
    """Link to the picture that this one is a remix of, to record in its file; empty if there is
    none, or not everybody may see it."""

    @property
    def is_public(self) -> bool:
        """Whether the message stands where the bot is a member, for all who are there."""
        return self.bot_in_channel and not self.ephemeral


@dataclass(frozen=True, slots=True)
class Submission:
    """Everything needed to queue a job. The reply's interaction ID makes it idempotent."""

    asker: Asker
    reply: Reply
    inputs: PaintInputs
    options: PaintOptions
    parent_job_id: int | None = None
    """The job that this one is a remix of."""
    left_open: tuple[str, ...] = ()
    """Options that the user did not choose: lowered to the limits instead of refused."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a running job, as last reported by its engine."""

    iteration: int
    iterations_total: int
    fraction: float
    """From 0 to 1, over all scales."""
    seconds_left: float | None = None
    preview_key: str | None = None
    note: str | None = None
    """What the engine does while it is not painting, such as "loading VGG-19…"."""
    done: tuple[str, ...] = ()
    """Keys of the finished versions of a job with several, in order."""
    frame: int | None = None
    """Number of painted frames of a clip."""
    frames: int | None = None
    """Number of frames of a clip."""
    anew: Sentence | None = None
    """Why painting was restarted, if something had been painted before."""


@dataclass(frozen=True, slots=True)
class PaintedClip:
    """A painted clip, as keys of the store."""

    key: str
    """Of its lossless clip file (`common.clips`)."""
    frames: int
    seconds: float
    """Duration of one pass."""
    plays: int
    """How many times it plays; 0: forever."""
    files: dict[str, str] = field(default_factory=dict)
    """Keys of its encodings by kind: `mp4`, `gif`, `webp`, each if it was made."""
    has_alpha: bool = False
    """Whether it is transparent somewhere; its MP4 has white there."""


@dataclass(frozen=True, slots=True)
class PaintReport:
    """Facts about a finished painting."""

    network: str
    device: str
    precision: str
    width_px: int
    height_px: int
    seconds: float
    iterations: int
    seed: int
    notes: tuple[Sentence, ...] = ()
    """Deviations from what was requested."""
    records: dict[str, str] = field(default_factory=dict)
    """Keys of recorded files other than the time-lapse, by name."""
    variants: tuple[str, ...] = ()
    """Keys of all versions of a job with several; the first is also the job's result."""
    clip: PaintedClip | None = None
    """The painted clip, if it moves; the job's result is then a still."""
    whole_seconds: float | None = None
    """Seconds from reading the pictures to encoded files, without downloads: `seconds` has the
    iterations alone. 0 if they say nothing about later jobs, as those of a process's first one;
    None if an earlier version painted it."""


class FailureKind(StrEnum):
    """Why a job failed. All kinds but INPUT and LOST are refunded entirely."""

    INPUT = "input"
    """The user's pictures or settings."""
    ENGINE = "engine"
    LOST = "lost"
    """Its engine died three times."""
    STYLE_MISSING = "style_missing"
    """The preset's scan is missing and could not be downloaded."""
    INTERNAL = "internal"
    ERASED = "erased"
    """Another member, who contributed a picture, had their data erased."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, in one sentence for the user, and the ID to find it in the log."""

    kind: FailureKind
    message: str
    """In English."""
    error_id: str
    sentence: Sentence | None = None
    """The message in translatable form; None in a row of an older version."""

    @property
    def is_ours(self) -> bool:
        """Whether it was not caused by the member's pictures or settings."""
        return self.kind not in {FailureKind.INPUT, FailureKind.ERASED}

    @classmethod
    def of(cls, kind: FailureKind, said: Sentence, error_id: str) -> Self:
        """A failure with a translatable sentence."""
        return cls(kind, str(said), error_id, said)


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it was at one moment."""

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
    came_by_dm: bool = False
    """Whether it was delivered in the member's direct messages, since nothing else worked."""
    pictures_deleted_at: datetime | None = None
    """When the pictures were deleted, by the member or by retention. In the future while a deletion
    can be undone."""
    unreadable: Sentence | None = None
    """Why the row cannot be read: another version wrote it, or it was erased. Such a job is not
    painted."""
    erased_at: datetime | None = None
    """When the user's data was erased; the row remains only for the daily limit."""
    message_removed_at: datetime | None = None
    """When its message was deleted in Discord; from then on only its owner is shown the picture."""
    network: str | None = None
    """The network that paints it, on any engine; None in a row of an older version."""
    instead_of_seconds: float | None = None
    """Predicted seconds of VGG-19, if `lite` was chosen only because that is too long."""
    cancelled_by: int | None = None
    """Who cancelled it, if not its member; may be `COMMAND_LINE` or `SERVER_LEFT`."""
    back_until: datetime | None = None
    """Until when the clearing that cancelled it can be undone."""
    notified_at: datetime | None = None
    """When its member was notified by a separate message, or needed none."""

    @property
    def versions(self) -> tuple[str, ...]:
        """Keys of the finished versions of an ended job with several.

        All of them, or those finished when it failed or was cancelled; none once they are deleted.
        """
        if self.pictures_deleted_at is not None or not self.state.ended:
            return ()
        if self.state is JobState.DONE:
            return self.report.variants if self.report else ()
        return self.progress.done if self.progress else ()


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """A job's place in the queue, and the predicted time at which it will be ready."""

    place: int
    """1 is next; 0: running or ended."""
    ready_at: datetime | None
    """By this machine's clock; None if no engine is alive or the queue is paused."""
    engines_alive: int
    paused: bool
    engine_starting: bool = False
    """Whether an engine is starting while none is alive."""


@dataclass(frozen=True, slots=True)
class Intake:
    """A command that was acknowledged and is not yet a job."""

    interaction_id: int
    payload: dict[str, Any]
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
    model: str = ""
    """Name of its device, such as that of a graphics card."""
    networks: tuple[str, ...] = ()
    """Networks whose weights it has; empty if unknown, which counts as all."""
    memory_bytes: int | None = None
    """Total memory of its device."""
    memory_used_bytes: int | None = None
    """Memory in use, as last reported."""
    largest_px: int = MAX_SIZE_PX
    """The longest side of a picture that fits its memory."""
    pace: float | None = None
    """Seconds per unit of work (`jobs.scheduling.speeds`): the best measured for it, or until then
    its own measurement or guess."""
    trouble: str | None = None
    """What keeps it from painting, in English."""
    weights: tuple[str, ...] = ()
    """The networks that it has loaded, each with the hash of its weights: `lite:1a2b3c4d`."""


@dataclass(frozen=True, slots=True)
class Claim:
    """An engine's right to paint a job until the lease expires."""

    job: Job
    engine_id: str
    fence: int
    """Fencing token: grows with each claim of the job; writes with an older one are refused."""
    lease_seconds: float
    """How long the lease lasts from each renewal on."""
    checkpoint_key: str | None
    done: tuple[str, ...]
    """Keys of the versions that earlier engines finished, in order."""
    frames: tuple[str, ...]
    """Keys of the painted frames that belong to the checkpoint, in order."""


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One event in a job's history."""

    at: datetime
    kind: str
    actor: str
    details: dict[str, Any]
