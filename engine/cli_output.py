"""The output file of `python -m engine paint`: the named one, or a new one in this folder."""

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
"""Below the limit of file systems, 255 bytes, as a number and a suffix follow."""


@dataclass
class OutputFile:
    """The output file."""

    path: Path
    """Its path; `reserved` changes it if a generated name was taken meanwhile."""
    others: Iterator[Path] | None = None
    """Further generated names; None if the user chose the name, which may be overwritten."""

    @classmethod
    def of(cls, chosen: argparse.Namespace) -> "OutputFile":
        """The named file, or a free name made of those of photograph and first style."""
        if chosen.output is not None:
            return cls(chosen.output)
        names = _names(chosen)
        return cls(next(name for name in names if not os.path.lexists(name)), names)

    def write(self, write: Callable[[Path], None]) -> None:
        """Write the picture; if that fails, to the folder of temporary files.

        Raises:
            NotWrittenError: it could not be written; the text says where the picture is.
        """
        try:
            with self.reserved() as file:
                write(file)
        except NotWrittenError as problem:
            if (spare := _write_to_temporary_folder(self.path.name, write)) is None:
                raise
            raise NotWrittenError(
                "{problem} The picture is in {file}.", problem=problem.sentence, file=str(spare)
            ) from problem

    @contextmanager
    def reserved(self) -> Iterator[Path]:
        """The file to write; a generated name is reserved first, as another command may use it.

        Raises:
            NotWrittenError: it cannot be written.
        """
        if self.others is not None:
            self._reserve(self.others)
        try:
            yield self.path
        except BaseException:
            if self.others is not None:
                with suppress(OSError):
                    self.path.unlink()
            raise

    def _reserve(self, others: Iterator[Path]) -> None:
        for path in itertools.chain([self.path], others):
            try:
                path.open("xb").close()
            except FileExistsError:
                continue
            except OSError as error:
                raise not_written(path, error) from error
            self.path = path
            return


def _write_to_temporary_folder(name: str, write: Callable[[Path], None]) -> Path | None:
    """Write to a new temporary folder; None if that fails, too."""
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
