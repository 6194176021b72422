"""What the queue is told of a painting, at a polite pace: progress, previews, checkpoints."""

import logging
import time
from dataclasses import dataclass, field

from common.store import PictureStore, StorageUnavailableError
from engine.output import encode_picture
from engine.painting.events import (
    Event,
    Prepared,
    Preparing,
    Recovered,
    Retiled,
    Stepped,
)
from engine.painting.picture import Picture
from engine.painting.problems import PaintingStopped
from engine.worker.control import Control
from jobs.model import Progress

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 1.0
PREVIEW_SECONDS = 2.5
PREVIEW_SIDE_PX = 512
CHECKPOINT_SECONDS = 8.0
"""Of painting; until it is stored, some more pass."""


@dataclass
class ProgressReporter:
    """A listener that passes what is due to the worker's loop, and stops the painting for it."""

    store: PictureStore
    control: Control
    _told_at: float = 0.0
    _shown_at: float = 0.0
    _preview_key: str | None = None
    _kept_at: float = field(default_factory=time.monotonic)

    def hear(self, event: Event) -> None:
        """See `Listener.hear`.

        Raises:
            PaintingStopped: the control asked for it.
        """
        if self.control.stopping:
            raise PaintingStopped
        match event:
            case Preparing(note):
                self.control.put_progress(Progress(0, 0, 0.0, note=note))
            case Prepared(total):
                self.control.put_progress(Progress(0, total, 0.0))
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
        if now - self._kept_at >= CHECKPOINT_SECONDS:
            self._keep(event)
        if now - self._told_at >= PROGRESS_SECONDS:
            self._told_at = now
            if now - self._shown_at >= PREVIEW_SECONDS:
                self._shown_at = now
                self._preview_key = self._show(event)
            self._tell(event)

    def _tell(self, event: Stepped) -> None:
        self.control.put_progress(
            Progress(
                iteration=event.iteration,
                iterations_total=event.total,
                fraction=event.fraction,
                seconds_left=event.seconds_left,
                preview_key=self._preview_key,
            )
        )

    def _keep(self, event: Stepped) -> None:
        self.control.put_checkpoint(event.checkpoint())
        self._kept_at = time.monotonic()

    def _show(self, event: Stepped) -> str | None:
        picture = Picture.from_image(event.preview(PREVIEW_SIDE_PX))
        try:
            return self.store.put_sync(encode_picture(picture, ".jpg"), ".jpg")
        except StorageUnavailableError as problem:  # a full disk must not end a painting
            log.warning("no preview: %s", problem)
            return self._preview_key
