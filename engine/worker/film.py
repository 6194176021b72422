"""The time-lapse of a job, written to a temporary file while it is painted."""

from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from common.options import FilmFormat
from common.sentences import Sentence
from engine.output import Film
from engine.painting.events import Stepped
from engine.painting.picture import Picture, Size

FRAMES = {"mp4": 120, "gif": 24}
"""A GIF keeps each frame whole: more would be too large for a message."""
LONG_SIDE_PX = 720


class JobFilm:
    """A film that grows frame by frame; a context, which removes the temporary file.

    Attributes:
        suffix: of the file.
    """

    def __init__(self, kind: FilmFormat) -> None:
        self._folder = TemporaryDirectory(prefix="atelier-", ignore_cleanup_errors=True)
        self._path = Path(self._folder.name) / f"film.{kind}"
        self._frames = FRAMES[kind]
        self.suffix = self._path.suffix
        self._film = Film(self._path)
        self._next_share = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._film.__exit__(kind, error, trace)
        self._folder.cleanup()

    @property
    def notes(self) -> tuple[Sentence, ...]:
        """Why there is no film, if there is none."""
        return () if self._film.note is None else (self._film.note,)

    def begin(self, size: Size) -> None:
        """Start the file, for pictures of this height and width."""
        self._film.begin(size)

    def offer(self, event: Stepped) -> None:
        """Add a frame if one is due."""
        share = event.iteration / max(1, event.total)
        if share >= self._next_share:
            self._film.add(event.preview(LONG_SIDE_PX))
            self._next_share = share + 1 / self._frames

    def finish(self, picture: Picture) -> bytes:
        """End with the finished picture, and return the file; nothing if there is none."""
        self._film.add(picture.to_image())
        self._film.finish()
        return self._path.read_bytes() if self._path.is_file() else b""
