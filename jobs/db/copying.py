"""Copies of a database while it is in use."""

import asyncio
import contextlib
import sqlite3
import time
from pathlib import Path

import sqlalchemy as sa

from common.files import TEMPORARY, becoming
from jobs.db import postgres_copying
from jobs.db.connecting import plainly
from jobs.outcomes import QueueError

KEPT = 3
"""Of how many migrations the copies from before are kept."""
BEFORE_MIGRATIONS = "before-migrations"
_ABANDONED_SECONDS = 3600.0
"""A copy that was not written to for so long is nobody's."""


def copy_sqlite(source: Path, destination: Path) -> None:
    """Copy a database as it is at one moment; the copy is there whole or not at all.

    In one step: by a few pages at a time, SQLite begins again whenever somebody else commits.
    Its writers do not wait for it, since the database has a write-ahead log.

    Raises:
        QueueError: when it cannot be read, or the copy is damaged.
        OSError: when the copy cannot be written.
    """
    with becoming(destination) as partial:
        try:
            with (
                contextlib.closing(sqlite3.connect(source, timeout=30)) as original,
                contextlib.closing(sqlite3.connect(partial)) as copy,
            ):
                original.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
                problem = copy.execute("PRAGMA quick_check").fetchone()[0]
        except sqlite3.Error as error:
            raise QueueError(f"The copy could not be made: {plainly(error)}") from error
        if problem != "ok":
            raise QueueError(f"The copy is damaged: {problem}. Is the disk failing?")


def time_stamp() -> str:
    """The present second, in UTC, as a part of a file's name."""
    return time.strftime("%Y%m%d-%H%M%S", time.gmtime())


async def keep_before_migration(url: sa.URL, data_folder: Path, revision: str) -> Path:
    """Copy a database that is about to be migrated; the newest few copies are kept, one a schema.

    Args:
        url: of the database.
        data_folder: where copies of a PostgreSQL database go; those of SQLite go beside it.
        revision: the schema that it has.

    Raises:
        QueueError: when that cannot be, so that it is not migrated either.
    """
    is_sqlite = url.get_backend_name() == "sqlite"
    database = Path(url.database or "") if is_sqlite else data_folder / "atelier.dump"
    folder = database.parent / BEFORE_MIGRATIONS
    copy = folder / f"{database.stem}-{time_stamp()}-schema-{revision}{database.suffix}"
    _forget_half_copies(folder)
    try:
        if is_sqlite:
            await asyncio.to_thread(copy_sqlite, database, copy)
        else:
            await postgres_copying.dump(url, copy)
        # Of a migration that fails again and again one copy is enough; older ones are worth more.
        for same in folder.glob(f"{database.stem}-*-schema-{revision}{database.suffix}"):
            if same != copy:
                same.unlink(missing_ok=True)
        for old in sorted(folder.glob(f"{database.stem}-*{database.suffix}"))[:-KEPT]:
            old.unlink(missing_ok=True)
    except (OSError, QueueError) as error:
        reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        raise QueueError(
            f"The database is not migrated, since no copy of it can be made ({copy}: "
            f"{reason.rstrip('.')}). If you have a backup of your own, start once with "
            "ATELIER_MIGRATE_WITHOUT_COPY=true."
        ) from error
    return copy


def _forget_half_copies(folder: Path) -> None:
    """Delete what was left by programs that were killed while they copied: it is as large."""
    for half in folder.glob(f"*{TEMPORARY}*"):
        with contextlib.suppress(OSError):
            if time.time() - half.stat().st_mtime > _ABANDONED_SECONDS:
                half.unlink()
