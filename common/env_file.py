"""Reads the file `.env`: its names, and lines without meaning."""

import logging
import os
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream

from common.files import path_exists

ENCODING = "utf-8"


def names_in(file: Path) -> list[str]:
    """All names set in the file; none if it does not exist.

    Raises:
        OSError: it cannot be read.
        UnicodeDecodeError: it is not in UTF-8.
    """
    return [each.key for each in _read(file) if each.key is not None]


def meaningless_lines(file: Path) -> list[int]:
    """Numbers of the lines that are neither a setting nor a comment.

    Raises:
        OSError, UnicodeDecodeError: as `names_in`.
    """
    return [each.original.line for each in _read(file) if each.error]


def pass_on(file: Path, prefix: str) -> None:
    """Export variables with this prefix to the environment, for libraries that read them there.

    Existing variables take precedence over the file, as for settings.

    Raises:
        OSError, UnicodeDecodeError: as `names_in`.
    """
    for name, value in dotenv_values(file, encoding=ENCODING).items():
        if name.startswith(prefix) and value:
            os.environ.setdefault(name, value)


def silence_its_reader() -> None:
    """Silence the parser's own warnings, which name neither the file nor a remedy."""
    logging.getLogger("dotenv.main").disabled = True


def _read(file: Path) -> list[Binding]:
    if not (path_exists(file) and file.is_file()):
        return []
    with file.open(encoding=ENCODING) as stream:
        return list(parse_stream(stream))
