"""Folders for what is needed while a picture is painted, and by nobody after that."""

import os
from tempfile import TemporaryDirectory, TemporaryFile, gettempdir

SCRATCH = "atelier-"
"""How their names begin; the number of the process follows, which tells those of dead ones."""

_TRIED_BYTES = 4 * 1024 * 1024


def scratch_folder() -> "TemporaryDirectory[str]":
    """A folder that goes with its user; `engine.worker.leftovers` deletes those of the killed."""
    return TemporaryDirectory(prefix=f"{SCRATCH}{os.getpid()}-", ignore_cleanup_errors=True)


def scratch_problem() -> str | None:
    """Why nothing can be written where these folders are, in English, or None.

    Where there is no such place at all, nothing is said: no wait ends that, and photographs are
    painted without one. A fresh process may find another place.
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
