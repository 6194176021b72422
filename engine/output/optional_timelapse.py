"""A time-lapse that never makes a painting fail: if it cannot be written, there is none."""

import contextlib
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from PIL import Image

from common.clips.encoding.ffmpeg import ffmpeg_error
from common.sentences import Sentence, sentence
from common.system_errors import system_reason
from engine.output.errors import OutputError
from engine.output.timelapse import TimeLapse, time_lapse


class OptionalTimeLapse:
    """A context manager; the file appears with `finish`, and not after an exception."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writing = ExitStack()
        self._lapse: TimeLapse | None = None
        self.note: Sentence | None = None
        """Why there is no time-lapse; None as long as nothing failed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, *_: object) -> None:
        if kind is None:
            self.finish()
        else:
            self._drop(error)

    def begin(self, size: tuple[int, int]) -> None:
        """Start the file, for pictures of this height and width."""
        height, width = size

        def begin() -> None:
            self._lapse = self._writing.enter_context(time_lapse(self._path, (width, height)))

        self._try(begin)

    def add(self, frame: Image.Image) -> None:
        """Append a frame, if there is still a time-lapse."""
        lapse = self._lapse
        if lapse is not None:
            self._try(lambda: lapse.add(frame))

    def finish(self) -> None:
        """End the file."""
        if self._lapse is not None:
            self._try(self._writing.close)
            self._lapse = None

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
