"""Errors of writing files, and a check of their paths before any work."""

import os
from collections.abc import Collection
from pathlib import Path

from common.files import path_exists
from common.sentences import ExplainedError

_MOST_NAME_BYTES = 255
"""Longest file name of common file systems."""


class OutputError(ExplainedError):
    """A file cannot be written as asked."""


class NotWrittenError(OutputError):
    """The system refused to write a file whose name is valid."""


def check_target(path: Path, suffixes: Collection[str] | None) -> None:
    """Check that a file can be written, without touching an existing one.

    Args:
        path: of the file.
        suffixes: the allowed ones, in lower case with the dot; None for any.

    Raises:
        OutputError: unknown suffix, name too long, or folder missing or not writable.
    """
    if len(os.fsencode(path.name)) > _MOST_NAME_BYTES:
        raise OutputError(
            "The name {file} is too long; the limit is {limit} bytes.",
            file=path.name,
            limit=_MOST_NAME_BYTES,
        )
    if os.path.isdir(path):  # noqa: PTH112 - `Path` raises where it may not look
        raise OutputError("{path} is a folder; name a file.", path=str(path))
    if suffixes is not None and path.suffix.lower() not in suffixes:
        raise OutputError(
            "The ending of {file} is not a format that can be written; use one of {suffixes}.",
            file=path.name,
            suffixes=", ".join(suffixes),
        )
    folder = path.parent
    try:
        is_there = path_exists(folder) and folder.is_dir()
    except OSError as error:
        raise OutputError.saying(not_written(path, error).sentence) from error
    if not is_there:
        raise OutputError(
            "There is no folder {folder} for {file}; create it first.",
            folder=str(folder),
            file=path.name,
        )
    if not os.access(folder, os.W_OK):
        raise OutputError.saying(not_written(path, None).sentence)


def not_written(path: Path, error: OSError | None) -> NotWrittenError:
    """The error of a file that the system refused to write."""
    reason = f" ({error.strerror})" if error is not None and error.strerror else ""
    return NotWrittenError(
        "{file} cannot be written to {folder}{reason}; choose another place.",
        file=path.name,
        folder=str(path.parent),
        reason=reason,
    )
