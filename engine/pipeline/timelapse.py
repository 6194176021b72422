"""Records a time-lapse of a painting, which never fails because of it."""

import contextlib
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from PIL import Image

from common.clips.encoding import ffmpeg_error
from common.sentences import Sentence, sentence
from common.system_errors import system_reason
from engine.output.errors import OutputError
from engine.output.timelapse import TimeLapse, time_lapse
from engine.painting import Event, Painted, Prepared, Stepped


class TimeLapseRecorder:
    """A listener that writes frames to a file, evenly over a measure of progress.

    A context manager: the file is there at the end of the block, and not after an exception.
    """

    def __init__(
        self, path: Path, *, frames: int, long_side_px: int, share: Callable[[Stepped], float]
    ) -> None:
        """Record a time-lapse.

        Args:
            path: of the file.
            frames: approximate number of frames.
            long_side_px: longer side of the frames.
            share: returns the progress of the painting, 0..1.
        """
        self._path = path
        self._frames = frames
        self._long_side_px = long_side_px
        self._share = share
        self._next_share = 0.0
        self._recorded_share = 0.0
        self._seconds = 0.0
        """Seconds that the frames so far have taken."""
        self._writing = ExitStack()
        self._lapse: TimeLapse | None = None
        self.note: Sentence | None = None
        """Why there is no time-lapse; None as long as nothing failed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, *_: object) -> None:
        if kind is None:
            self._try(self._writing.close)
        else:
            self._drop(error)

    def on_event(self, event: Event) -> None:
        """Start the time-lapse, or add a frame if one is due."""
        match event:
            case Prepared(size=(height, width)):
                self.begin((width, height))
            case Stepped() if self._lapse and (share := self._share(event)) >= self._next_share:
                began = time.perf_counter()
                self.add(event.preview(self._long_side_px))
                self._seconds += time.perf_counter() - began
                self._recorded_share = share
                self._next_share = share + 1 / self._frames
            case Painted():
                self.add(event.picture.to_image())
            case _:
                pass

    def seconds_left(self) -> float:
        """Seconds that the frames to come will take, by those so far."""
        if not self._recorded_share:
            return 0.0
        return self._seconds * (1 - self._recorded_share) / self._recorded_share

    def begin(self, size: tuple[int, int]) -> None:
        """Start the file, for pictures of this width and height."""

        def begin() -> None:
            self._lapse = self._writing.enter_context(time_lapse(self._path, size))

        self._try(begin)

    def add(self, frame: Image.Image) -> None:
        """Append a frame, if there is still a time-lapse."""
        lapse = self._lapse
        if lapse is not None:
            self._try(lambda: lapse.add(frame))

    def _try(self, piece: Callable[[], None]) -> None:
        try:
            piece()
        except _errors() as error:
            self.note = sentence("There is no time-lapse: {reason}.", reason=_reason(error))
            self._drop(error)

    def _drop(self, error: BaseException | None) -> None:
        self._lapse = None
        writing, self._writing = self._writing, ExitStack()
        with contextlib.suppress(*_errors()):
            writing.__exit__(None if error is None else type(error), error, None)


def _errors() -> tuple[type[BaseException], ...]:
    """Errors that only mean that there is no time-lapse."""
    return OSError, OutputError, ffmpeg_error()


def _reason(error: BaseException) -> str | Sentence:
    cause = error.__cause__ if isinstance(error, OutputError) else error
    if isinstance(cause, OSError) and cause.strerror:
        return system_reason(cause)
    return str(error).rstrip(".")
