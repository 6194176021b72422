"""The file `.env` as somebody wrote it: the names in it, and lines that say nothing."""

import logging
import os
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream

ENCODING = "utf-8"


def names_in(file: Path) -> list[str]:
    """All names that are set there; none where there is no file.

    Raises:
        OSError: it cannot be read.
        UnicodeDecodeError: it is not in UTF-8.
    """
    return [each.key for each in _read(file) if each.key is not None]


def meaningless_lines(file: Path) -> list[int]:
    """The numbers of the lines that are not read, as they are neither a setting nor a comment.

    Raises:
        OSError, UnicodeDecodeError: as `names_in`.
    """
    return [each.original.line for each in _read(file) if each.error]


def pass_on(file: Path, prefix: str) -> None:
    """Put what begins so into the environment, where other programs' libraries look for it.

    What stands there already counts before the file, as it does for settings.

    Raises:
        OSError, UnicodeDecodeError: as `names_in`.
    """
    for name, value in dotenv_values(file, encoding=ENCODING).items():
        if name.startswith(prefix) and value:
            os.environ.setdefault(name, value)


def silence_its_reader() -> None:
    """Leave it to us to speak of such lines: its own words name neither the file nor what to do."""
    logging.getLogger("dotenv.main").disabled = True


def _read(file: Path) -> list[Binding]:
    if not file.is_file():
        return []
    with file.open(encoding=ENCODING) as stream:
        return list(parse_stream(stream))
