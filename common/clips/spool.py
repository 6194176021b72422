"""The frames of a long film on their way into a clip file, which memory would not hold."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile


class SpooledPngs:
    """PNGs one behind the other in a file without a name, which goes with its last user."""

    def __init__(self, folder: Path) -> None:
        self._file = TemporaryFile(dir=folder)  # noqa: SIM115 - closed when it is collected
        self._lengths: list[int] = []
        self.failure: OSError | None = None
        """Why not all are there. It is kept until all are read: while a file is decoded, what the
        system refuses could not be told from what is wrong with that file."""

    def append(self, png: bytes, /) -> None:
        """One more."""
        try:
            self._file.write(png)
        except OSError as error:
            self.failure = self.failure or error
        self._lengths.append(len(png))

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[bytes]:
        """All of them, once.

        Raises:
            OSError: they are not all there.
        """
        if self.failure is not None:
            raise self.failure
        self._file.seek(0)
        for length in self._lengths:
            yield self._file.read(length)
