"""Copies of a SQLite database while it is in use."""

import contextlib
import sqlite3
import time
from pathlib import Path

from common.files import private_folder
from jobs.outcomes import QueueError

KEPT = 3
"""How many copies of before a migration are kept."""
BEFORE_MIGRATIONS = "before-migrations"


def copy_sqlite(source: Path, destination: Path) -> None:
    """Copy a database as it is at one moment; the copy is there whole or not at all.

    In one step: by a few pages at a time, SQLite begins again whenever somebody else commits.
    Its writers do not wait for it, since the database has a write-ahead log.

    Raises:
        QueueError: when it cannot be read, or the copy is damaged.
        OSError: when the copy cannot be written.
    """
    private_folder(destination.parent)
    partial = destination.with_name(destination.name + ".part")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    try:
        with (
            contextlib.closing(sqlite3.connect(source, timeout=30)) as original,
            contextlib.closing(sqlite3.connect(partial)) as copy,
        ):
            original.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
            problem = copy.execute("PRAGMA quick_check").fetchone()[0]
        if problem != "ok":
            raise QueueError(f"The copy is damaged: {problem}. Is the disk failing?")
        partial.replace(destination)
    except sqlite3.Error as error:
        raise QueueError(f"The copy could not be made: {error}") from error
    finally:
        partial.unlink(missing_ok=True)


def keep_before_migration(database: Path, revision: str) -> Path:
    """Copy a database that is about to be migrated beside it; the newest few are kept.

    Raises:
        QueueError: when that cannot be, so that it is not migrated either.
    """
    folder = database.parent / BEFORE_MIGRATIONS
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    copy = folder / f"{database.stem}-{stamp}-schema-{revision}{database.suffix}"
    try:
        copy_sqlite(database, copy)
        for old in sorted(folder.glob(f"{database.stem}-*"))[:-KEPT]:
            old.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise QueueError(
            f"The database is not migrated, since no copy of it can be made ({copy}: {reason})."
        ) from error
    return copy
