"""The file that `python -m engine paint` writes: the one that is named, or a new one here."""

import argparse
import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from engine.output.errors import NotWrittenError, OutputError, not_written

_MOST_STEM_BYTES = 200
"""File systems take 255 bytes; a number and a suffix follow."""


@dataclass
class OutputFile:
    """Where the picture goes."""

    path: Path
    """Another one after `held`, if a name that nobody chose was taken meanwhile."""
    others: Iterator[Path] | None = None
    """Names to go on with where it is taken; None if somebody chose it, who may overwrite it."""

    @classmethod
    def of(cls, chosen: argparse.Namespace) -> "OutputFile":
        """As the command line says; else after the photograph and the first style, a free name."""
        if chosen.output is not None:
            return cls(chosen.output)
        names = _names(chosen)
        return cls(next(name for name in names if not os.path.lexists(name)), names)

    def write(self, write: Callable[[Path], None]) -> None:
        """Let the picture be written; where that cannot be, into the folder of temporary files.

        Raises:
            NotWrittenError: the system refuses; the text says where the picture is then.
        """
        try:
            with self.held() as file:
                write(file)
        except NotWrittenError as problem:
            if (spare := _spare(self.path.name, write)) is None:
                raise
            raise NotWrittenError(
                "{problem} The picture is in {file}.", problem=problem.sentence, file=str(spare)
            ) from problem

    @contextmanager
    def held(self) -> Iterator[Path]:
        """The file to write; a new one is taken first, as another command may paint the same.

        Raises:
            NotWrittenError: the system refuses.
        """
        if self.others is not None:
            self._take(self.others)
        try:
            yield self.path
        except BaseException:
            if self.others is not None:
                with suppress(OSError):
                    self.path.unlink()
            raise

    def _take(self, others: Iterator[Path]) -> None:
        for path in itertools.chain([self.path], others):
            try:
                path.open("xb").close()
            except FileExistsError:
                continue
            except OSError as error:
                raise not_written(path, error) from error
            self.path = path
            return


def _spare(name: str, write: Callable[[Path], None]) -> Path | None:
    """The picture in a folder of its own among the temporary files; None if it cannot be there."""
    with suppress(OSError):
        folder = Path(tempfile.mkdtemp(prefix="atelier-kept-"))
        try:
            write(folder / name)
        except OutputError:
            folder.rmdir()
        else:
            return folder / name
    return None


def _names(chosen: argparse.Namespace) -> Iterator[Path]:
    styles = [*(path.stem for path in chosen.style), *(Path(name).stem for name in chosen.preset)]
    stem, suffix = "-".join([chosen.content.stem, *styles[:1]]), ".mp4" if chosen.moving else ".png"
    if len(name := os.fsencode(stem)) > _MOST_STEM_BYTES:
        stem = name[:_MOST_STEM_BYTES].decode(errors="ignore")
    yield Path(f"{stem}{suffix}")
    yield from (Path(f"{stem}-{number}{suffix}") for number in itertools.count(2))
