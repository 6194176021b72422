"""What passes between the worker's loop and the painting thread."""

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from pathlib import Path
from tempfile import TemporaryDirectory

from common.sentences import Sentence, sentence
from engine.scratch import scratch_folder
from jobs.model import Failure, PaintReport, Progress

OTHER_VERSION = sentence(
    "It was started again from scratch, because this version of Atelier cannot continue what "
    "was painted before."
)
CHECKPOINT_GONE = sentence(
    "It was started again from scratch, because what was painted before is no longer there."
)


class StopReason(Enum):
    """Why a painting was stopped before its end."""

    CANCELLED = auto()
    SHUTDOWN = auto()
    LEASE_LOST = auto()


@dataclass(frozen=True)
class MovingFiles:
    """A painting that moves, as files that are not yet in the store.

    They may be long, and lie in the handle's folder.
    """

    clip: Path
    """A clip file, without loss."""
    frames: int
    seconds: float
    plays: int
    files: Mapping[str, Path]
    """What is shown of it, by `gif`, `mp4` and `webp`."""
    has_alpha: bool = False


@dataclass(frozen=True)
class Earlier:
    """What engines before this one left of a job."""

    checkpoint: bytes | None = None
    """From which to go on."""
    frames: tuple[str, ...] = ()
    """Keys of the frames that belong to it, if the job moves."""
    done: tuple[str, ...] = ()
    """Keys of the versions that are finished."""


@dataclass(frozen=True)
class Checkpoint:
    """From what another engine can go on, if this one dies."""

    data: bytes
    frames: int = 0
    """The number of painted frames that belong to it; each is stored once, as a file of its own."""
    file: Callable[[int], bytes] = field(default=lambda _number: b"", repr=False)
    """Gives the file of a frame, a PNG."""
    stored: int = 0
    """So many of them an engine before this one has stored."""


@dataclass(frozen=True)
class Finished:
    """It is painted; its files are here, and not yet in the store."""

    picture: bytes
    """A PNG."""
    report: PaintReport
    timelapse: bytes = b""
    timelapse_suffix: str = ".mp4"
    records: Mapping[str, bytes] = field(default_factory=dict)
    """Files that were recorded besides a film, by their names."""
    earlier: tuple[str, ...] = ()
    """Keys of the job's versions before this one, which are in the store already."""
    moving: MovingFiles | None = None
    """Of a photograph that moves; the picture is its first frame then."""


@dataclass(frozen=True)
class Failed:
    """It cannot be painted."""

    failure: Failure


class IfWell(Enum):
    """What a trouble means for the job where a look around finds all well."""

    FAILS = auto()
    """It cannot be painted."""
    TRIED = auto()
    """One try is used up: its engine might as well have died."""
    WAITS = auto()
    """It has passed by itself; the job waits for its next turn, a few times."""


@dataclass(frozen=True)
class Disturbed:
    """Something went wrong that may lie in the surroundings: store, disk, device, network."""

    reason: str
    """In English, for the log and the owner."""
    failure: Failure
    """For the member, if it is the job after all."""
    if_well: IfWell


@dataclass(frozen=True)
class Stopped:
    """It was told to stop."""

    reason: StopReason


Ended = Finished | Failed | Disturbed | Stopped


class JobHandle:
    """Newest progress and checkpoint one way, the wish to stop the other way; thread-safe."""

    signs: int = 0
    """How often the painting thread asked whether to stop, which it does before each tile."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._progress: Progress | None = None
        self._checkpoint: Checkpoint | None = None
        self._reason: StopReason | None = None
        self._folder: TemporaryDirectory[str] | None = None
        self.anew: Sentence | None = None
        """Why nothing that was painted before is gone on from, where something was."""
        self.left_out: tuple[str, ...] = ()
        """Paintings that could not be had, of a job in several styles."""

    def folder(self) -> Path:
        """A folder for what is too long for memory; it is there until the job is left."""
        if self._folder is None:
            self._folder = scratch_folder()
        return Path(self._folder.name)

    def close(self) -> None:
        """The job is left; its folder goes."""
        if self._folder is not None:
            self._folder.cleanup()

    def stop(self, reason: StopReason) -> None:
        """Ask the thread to stop; the first reason counts, but a lost lease overrides it."""
        with self._lock:
            if self._reason is None or reason is StopReason.LEASE_LOST:
                self._reason = reason

    @property
    def stop_reason(self) -> StopReason | None:
        """Why the thread is to stop, if it is."""
        return self._reason

    @property
    def stopping(self) -> bool:
        """Whether the thread is to stop."""
        return self._reason is not None

    def should_stop(self) -> bool:
        """As `stopping`, for the painting thread alone: to ask is its sign of life."""
        self.signs += 1
        return self.stopping

    def begin_anew(self, why: Sentence) -> None:
        """Let the member read, while it is painted and afterwards, that it was begun anew."""
        self.anew = why

    def leave_out(self, presets: Collection[str]) -> None:
        """Let the job be one with its other styles, before more is told of it.

        Args:
            presets: all that are left out of it so far.
        """
        self.left_out = tuple(presets)

    def put_progress(self, progress: Progress) -> None:
        """Offer newer progress; what was not taken yet is dropped."""
        with self._lock:
            self._progress = replace(progress, anew=self.anew)

    def take_progress(self) -> Progress | None:
        """Take the newest progress, once."""
        with self._lock:
            progress, self._progress = self._progress, None
        return progress

    def put_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Offer a newer checkpoint."""
        with self._lock:
            self._checkpoint = checkpoint

    @property
    def has_checkpoint(self) -> bool:
        """Whether one waits to be taken."""
        return self._checkpoint is not None

    def take_checkpoint(self) -> Checkpoint | None:
        """Take the newest checkpoint, once."""
        with self._lock:
            checkpoint, self._checkpoint = self._checkpoint, None
        return checkpoint
