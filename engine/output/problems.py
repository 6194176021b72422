"""Checking where files are to go, before any work."""

import os
from collections.abc import Collection
from pathlib import Path


class OutputProblem(Exception):
    """A file cannot be written as asked; the text is one sentence for the user."""


def check_target(path: Path, suffixes: Collection[str]) -> None:
    """Whether a file can be written there, found out without touching what is there now.

    Args:
        path: The file to be.
        suffixes: Those that are possible, in lower case with the dot.

    Raises:
        OutputProblem: The suffix is unknown, or the folder is absent or not to be written to.
    """
    if path.suffix.lower() not in suffixes:
        named = f"ends in {path.suffix}" if path.suffix else "has no ending"
        raise OutputProblem(
            f"{path.name} {named}, which says no format that can be written; "
            f"use one of {', '.join(suffixes)}."
        )
    folder = path.parent
    if not folder.is_dir():
        raise OutputProblem(f"There is no folder {folder} for {path.name}; create it first.")
    if path.is_dir():
        raise OutputProblem(f"{path} is a folder; name a file.")
    if not os.access(folder, os.W_OK):
        raise not_written(path, None)


def not_written(path: Path, error: OSError | None) -> OutputProblem:
    """The problem of a file that the system would not write."""
    reason = f" ({error.strerror})" if error is not None and error.strerror else ""
    return OutputProblem(
        f"{path.name} cannot be written to {path.parent}{reason}; choose another place."
    )
