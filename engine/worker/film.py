"""The time-lapse of a job, written to a temporary file while it is painted."""

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from engine.output import TimeLapse, time_lapse
from engine.painting.events import Stepped
from engine.painting.picture import Picture, Size

FRAMES = 120
LONG_SIDE_PX = 720


class Film:
    """An MP4 that grows frame by frame; a context, which removes the temporary file."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="atelier-")
        self._path = Path(self._folder.name) / "film.mp4"
        self._writing = ExitStack()
        self._lapse: TimeLapse | None = None
        self._next_share = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._writing.pop_all()  # an unfinished film is thrown away with its folder
        self._folder.cleanup()

    def begin(self, size: Size) -> None:
        """Start the file, for pictures of this height and width."""
        height, width = size
        self._lapse = self._writing.enter_context(time_lapse(self._path, (width, height)))

    def offer(self, event: Stepped) -> None:
        """Add a frame if one is due."""
        share = event.iteration / max(1, event.total)
        if self._lapse is not None and share >= self._next_share:
            self._lapse.add(event.preview(LONG_SIDE_PX))
            self._next_share = share + 1 / FRAMES

    def finish(self, picture: Picture) -> bytes:
        """End with the finished picture, and return the file."""
        if self._lapse is None:
            return b""
        self._lapse.add(picture.to_image())
        self._writing.close()
        return self._path.read_bytes()
