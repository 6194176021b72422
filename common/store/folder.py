"""Deleting in a store's folder, where other processes write at the same moment."""

import contextlib
import time
from pathlib import Path

from common.files import TEMPORARY, put_in_place

_TRASH = ".trash"
_ABANDONED_SECONDS = 3600.0


def delete_untouched(picture: Path, seconds: float) -> bool:
    """Delete a file unless it was written (again) within the last `seconds`.

    It is renamed before its age is read for the last time, so that a process that stores the same
    picture meanwhile either renews its age or writes a new file.
    """
    trash = picture.with_name(picture.name + _TRASH)
    if time.time() - picture.stat().st_mtime < seconds:
        return False
    put_in_place(picture, trash)
    if time.time() - trash.stat().st_mtime < seconds:
        put_in_place(trash, picture)
        return False
    trash.unlink()
    return True


def delete_leftover(file: Path, age_seconds: float) -> None:
    """Delete a file that a dead process has left unfinished; others stay."""
    if age_seconds > _ABANDONED_SECONDS and file.name.endswith((TEMPORARY, _TRASH)):
        with contextlib.suppress(OSError):
            file.unlink()
