"""Temporary folders of a painting."""

import os
from tempfile import TemporaryDirectory, TemporaryFile, gettempdir

SCRATCH = "atelier-"
"""Prefix of their names; the process ID follows, so that those of dead processes can be found."""

_TRIED_BYTES = 4 * 1024 * 1024


def scratch_folder() -> "TemporaryDirectory[str]":
    """A folder deleted with its object, or after a kill by `engine.worker.stale_files`."""
    return TemporaryDirectory(prefix=f"{SCRATCH}{os.getpid()}-", ignore_cleanup_errors=True)


def scratch_problem() -> str | None:
    """Why temporary files cannot be written, in English, or None.

    None also if there is no folder for them at all: waiting does not help then, and photographs can
    be painted without it. A new process may find another folder.
    """
    try:
        place = gettempdir()
    except FileNotFoundError:
        return None
    try:
        with TemporaryFile(dir=place) as file:
            file.write(bytes(_TRIED_BYTES))
    except OSError as error:
        return f"Temporary files cannot be written to {place} ({error.strerror or error})."
    return None
