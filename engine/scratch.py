"""Folders for what is needed while a picture is painted, and by nobody after that."""

import os
from tempfile import TemporaryDirectory

SCRATCH = "atelier-"
"""How their names begin; the number of the process follows, which tells those of dead ones."""


def scratch_folder() -> "TemporaryDirectory[str]":
    """A folder that goes with its user; `engine.worker.leftovers` deletes those of the killed."""
    return TemporaryDirectory(prefix=f"{SCRATCH}{os.getpid()}-", ignore_cleanup_errors=True)
