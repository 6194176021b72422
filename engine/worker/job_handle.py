"""What the worker's event loop and its painting thread tell each other about a job."""

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from pathlib import Path
from tempfile import TemporaryDirectory

from common.sentences import Sentence, sentence
from engine.scratch import scratch_folder
from jobs.model import Progress

OTHER_VERSION = sentence(
    "It was started again from scratch, because this version of Atelier cannot continue what "
    "was painted before."
)
OTHER_WEIGHTS = sentence(
    "It was started again from scratch, because the painter that took it over has other weights "
    "for its network."
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
class EarlierWork:
    """What earlier engines left of a job."""

    checkpoint: bytes | None = None
    """Checkpoint to resume from."""
    frames: tuple[str, ...] = ()
    """Keys of the frames that belong to it, for a clip."""
    done: tuple[str, ...] = ()
    """Keys of the finished versions."""


@dataclass(frozen=True)
class Checkpoint:
    """What another engine can resume from if this one dies."""

    data: bytes
    frames: int = 0
    """Number of painted frames that belong to it; each is stored once, in a file of its own."""
    file: Callable[[int], bytes] = field(default=lambda _number: b"", repr=False)
    """Returns the PNG file of a frame."""
    stored: int = 0
    """How many of them an earlier engine has stored."""


class JobHandle:
    """Progress and checkpoints from the thread, a request to stop to it; thread-safe."""

    stop_checks: int = 0
    """How often the painting thread called `should_stop`, as before each tile; see `Watchdog`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._progress: Progress | None = None
        self._checkpoint: Checkpoint | None = None
        self._reason: StopReason | None = None
        self._folder: TemporaryDirectory[str] | None = None
        self.anew: Sentence | None = None
        """Why the painting started over instead of resuming; None if it did not."""
        self.left_out: tuple[str, ...] = ()
        """Ids of paintings that are unavailable, of a job in several styles."""

    def folder(self) -> Path:
        """A folder for what is too large for memory, deleted by `close`."""
        if self._folder is None:
            self._folder = scratch_folder()
        return Path(self._folder.name)

    def close(self) -> None:
        """Delete the folder; the job is over here."""
        if self._folder is not None:
            self._folder.cleanup()

    def stop(self, reason: StopReason) -> None:
        """Ask the thread to stop; of several reasons the first stays, or a lost lease."""
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
        """As `stopping`, for the painting thread only, as calls are counted."""
        self.stop_checks += 1
        return self.stopping

    def begin_anew(self, why: Sentence) -> None:
        """Note, for the member, that the painting started over."""
        self.anew = why

    def leave_out(self, presets: Collection[str]) -> None:
        """Continue the job without some of its styles; written before any later progress.

        Args:
            presets: ids of all paintings left out so far.
        """
        self.left_out = tuple(presets)

    def put_progress(self, progress: Progress) -> None:
        """Offer progress, replacing what was not taken yet."""
        with self._lock:
            self._progress = replace(progress, anew=self.anew)

    def take_progress(self) -> Progress | None:
        """Take the newest progress; None if it was taken already."""
        with self._lock:
            progress, self._progress = self._progress, None
        return progress

    def put_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Offer a checkpoint, replacing one that was not taken yet."""
        with self._lock:
            self._checkpoint = checkpoint

    @property
    def has_checkpoint(self) -> bool:
        """Whether a checkpoint was not taken yet."""
        return self._checkpoint is not None

    def take_checkpoint(self) -> Checkpoint | None:
        """Take the newest checkpoint; None if it was taken already."""
        with self._lock:
            checkpoint, self._checkpoint = self._checkpoint, None
        return checkpoint
