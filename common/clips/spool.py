"""Spools a long clip's frames on disk, since memory would not hold them."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile


class SpooledPngs:
    """A sequence of PNGs in an anonymous temporary file."""

    def __init__(self, folder: Path) -> None:
        self._file = TemporaryFile(dir=folder)  # noqa: SIM115 - closed when it is collected
        self._lengths: list[int] = []
        self.failure: OSError | None = None
        """The first write error. It is raised only when the frames are read: during decoding it
        could not be told from an error of the decoded file."""

    def append(self, png: bytes, /) -> None:
        """Append a frame."""
        try:
            self._file.write(png)
        except OSError as error:
            self.failure = self.failure or error
        self._lengths.append(len(png))

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[bytes]:
        """All frames, in order; can be iterated once.

        Raises:
            OSError: a frame could not be written.
        """
        if self.failure is not None:
            raise self.failure
        self._file.seek(0)
        for length in self._lengths:
            yield self._file.read(length)
