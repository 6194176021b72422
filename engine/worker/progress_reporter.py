"""Rate-limited reports of a painting to the queue: progress, previews, checkpoints."""

import logging
import time
from dataclasses import dataclass, field, replace

from PIL import Image

from common.store import PictureStore
from engine.errors import PaintingStoppedError
from engine.output.sheet import contact_sheet
from engine.painting.events import (
    Event,
    Prepared,
    Preparing,
    Recovered,
    Retiled,
    Stepped,
)
from engine.pipeline.timelapse import TimeLapseRecorder
from engine.worker.job_handle import Checkpoint, JobHandle
from engine.worker.previews import Previews, enlarged
from jobs.model import Progress

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 1.0
PREVIEW_SECONDS = 2.5
PREVIEW_SIDE_PX = 512
_PAINTED_FROM = 15
"""Iterations of the first scale after which strokes and colors are visible."""
CHECKPOINT_SECONDS = 8.0
"""Painting time between checkpoints; storing one adds some."""


@dataclass
class VersionsSoFar:
    """The versions of a job: how many there will be, and the finished ones."""

    count: int
    keys: list[str] = field(default_factory=list)
    small: list[Image.Image] = field(default_factory=list)
    """Thumbnails of the finished ones, shown while the others are painted."""
    seconds_each: float | None = None
    """Seconds that the latest of them took here; None if none was painted here."""

    def add(self, key: str, small: Image.Image) -> None:
        """Add a finished version."""
        self.keys.append(key)
        self.small.append(small)

    def drop_from(self, number: int) -> None:
        """Forget the versions from this one on, counted from 0."""
        del self.keys[number:], self.small[number:]

    def progress(
        self, iteration: int = 0, total: int = 0, fraction: float = 0.0, note: str | None = None
    ) -> Progress:
        """Progress of the job, from that of its present version."""
        number = len(self.keys)
        return Progress(
            number * total + iteration,
            self.count * total,
            (number + fraction) / self.count,
            seconds_left=self.seconds_left(fraction, None),
            done=tuple(self.keys),
            note=note,
        )

    def seconds_left(self, fraction: float, seconds_left: float | None) -> float | None:
        """Seconds left of the job, from those of its present version; None if unknown."""
        each = self.seconds_each
        if seconds_left is None:
            if each is None:
                return None
            seconds_left = each * (1.0 - fraction)
        behind = self.count - len(self.keys) - 1
        if each is None:
            each = seconds_left / max(1e-3, 1.0 - fraction)
        return seconds_left + behind * each

    def sheet(self, present: Image.Image | None = None) -> Image.Image:
        """A contact sheet of all versions, with empty cells for those to come."""
        shown = [*self.small, *([] if present is None else [present])]
        if self.count == 1:
            return shown[0]
        return contact_sheet([*shown, *[None] * (self.count - len(shown))], PREVIEW_SIDE_PX)


@dataclass
class ProgressReporter:
    """A listener that reports to the worker's event loop, and stops the painting when it asks."""

    store: PictureStore
    handle: JobHandle
    versions: VersionsSoFar = field(default_factory=lambda: VersionsSoFar(1))
    recorder: TimeLapseRecorder | None = None
    """Another listener, whose frames take time between the iterations."""
    _previews: Previews = field(init=False)
    _reported_at: float = 0.0
    _shown_at: float = 0.0
    _looks_painted_from: int = 0
    """The iteration before which there are no previews, as they would be a blurred photograph."""
    _side_px: int = PREVIEW_SIDE_PX
    _saved_at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._previews = Previews(self.store)

    def on_event(self, event: Event) -> None:
        """See `Listener.on_event`.

        Raises:
            PaintingStoppedError: the job was stopped.
        """
        if self.handle.should_stop():
            raise PaintingStoppedError
        match event:
            case Preparing(note):
                first = not self.versions.keys
                self.handle.put_progress(self.versions.progress(note=note if first else None))
            case Prepared(total, scales):
                self._looks_painted_from = min(_PAINTED_FROM, -(-scales[0][1] // 2))
                self._side_px = min(PREVIEW_SIDE_PX, max(scales[-1][0]))
                self.handle.put_progress(self.versions.progress(total=total))
            case Recovered(reason):
                log.warning("%s", reason)
            case Retiled(tile_px):
                log.warning("out of memory: going on in tiles of %d px", tile_px)
            case Stepped():
                self._stepped(event)
            case _:
                pass

    def _stepped(self, event: Stepped) -> None:
        now = time.monotonic()
        if now - self._saved_at >= CHECKPOINT_SECONDS:
            self._save_checkpoint(event)
        painted = event.iteration >= self._looks_painted_from
        first = painted and self._shown_at == 0.0
        if first or now - self._reported_at >= PROGRESS_SECONDS:
            self._reported_at = now
            if painted and now - self._shown_at >= PREVIEW_SECONDS:
                self._shown_at = now
                self._show(event)
            self._report(event)

    def _report(self, event: Stepped) -> None:
        told = self.versions.progress(event.iteration, event.total, event.fraction)
        left = event.seconds_left
        if left is not None and self.recorder is not None:
            left += self.recorder.seconds_left()
        left = self.versions.seconds_left(event.fraction, left)
        self.handle.put_progress(
            replace(told, seconds_left=left, preview_key=self._previews.newest)
        )

    def _save_checkpoint(self, event: Stepped) -> None:
        self.handle.put_checkpoint(Checkpoint(event.brief_checkpoint()))
        self._saved_at = time.monotonic()

    def _show(self, event: Stepped) -> None:
        if self._previews.is_free:
            small = enlarged(event.preview(self._side_px), self._side_px)
            self._previews.show(self.versions.sheet(small))
