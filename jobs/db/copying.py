"""Consistent copies of a database that is in use."""

import asyncio
import contextlib
import os
import secrets
import sqlite3
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from common.files import TEMPORARY, replacing
from jobs.db import postgres_copying
from jobs.db.connecting import SQLITE_ERRORS, sqlite_reason
from jobs.outcomes import QueueError

KEPT = 3
"""Number of copies from before migrations that are kept."""
BEFORE_MIGRATIONS = "before-migrations"
_ABANDONED_SECONDS = 3600.0
"""An unfinished copy that was not written to for this long is abandoned."""
_WRITTEN_SECONDS = 120.0
"""One that was written to this recently may be that of another program, which starts now, too."""


def copy_sqlite(source: Path, destination: Path) -> None:
    """Copy a SQLite database as of one moment; the copy is written whole or not at all.

    In one step: with a few pages at a time, SQLite restarts whenever somebody else commits. Writers
    are not blocked, since the database has a write-ahead log.

    Raises:
        QueueError: when it cannot be read, or the copy is damaged.
        OSError: when the copy cannot be written.
    """
    with replacing(destination) as partial:
        try:
            with (
                contextlib.closing(sqlite3.connect(source, timeout=30)) as original,
                contextlib.closing(sqlite3.connect(partial)) as copy,
            ):
                original.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
                problem = copy.execute("PRAGMA quick_check").fetchone()[0]
        except SQLITE_ERRORS as error:
            raise QueueError(f"The copy could not be made: {sqlite_reason(error)}") from error
        if problem != "ok":
            raise QueueError(f"The copy is damaged: {problem}. Is the disk failing?")


def time_stamp() -> str:
    """The current time in UTC, for the name of a file that no other program gives at that time."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"


async def keep_before_migration(
    url: sa.URL, data_folder: Path, revision: str, has_revision: Callable[[], Awaitable[bool]]
) -> Path | None:
    """Copy a database before its migration; the newest `KEPT` copies are kept, one per schema.

    A SQLite database that has not changed since its copy is not copied again, as a migration that
    fails is tried at each start.

    Args:
        url: of the database.
        data_folder: for copies of a PostgreSQL database; those of SQLite go beside it.
        revision: the schema that it has.
        has_revision: asks the database whether it still has that schema.

    Returns:
        The copy; None if another program has migrated the database meanwhile, and copied it before.

    Raises:
        QueueError: when it cannot be copied, so it must not be migrated either.
        QueueUnavailableError: when the database cannot be reached.
    """
    is_sqlite = url.get_backend_name() == "sqlite"
    database = Path(url.database or "") if is_sqlite else data_folder / "atelier.dump"
    folder = database.parent / BEFORE_MIGRATIONS
    copy = folder / f"{database.stem}-{time_stamp()}-schema-{revision}{database.suffix}"
    _forget_half_copies(folder)
    of_schema = f"{database.stem}-*-schema-{revision}{database.suffix}"
    try:
        before = _state_of(database) if is_sqlite else None
        for same in folder.glob(of_schema):
            if before is not None and _state_of(same) == before:
                return same
        if is_sqlite:
            await asyncio.to_thread(copy_sqlite, database, copy)
            if before is not None and _state_of(database) == before:
                os.utime(copy, ns=(before.modified_ns, before.modified_ns))
        else:
            await postgres_copying.dump(url, copy)
    except (OSError, QueueError) as error:
        reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        raise QueueError(
            f"The database is not migrated, since no copy of it can be made ({copy}: "
            f"{reason.rstrip('.')}). If you have a backup of your own, start once with "
            "ATELIER_MIGRATE_WITHOUT_COPY=true."
        ) from error
    with contextlib.suppress(OSError):
        if not await has_revision():  # the copy may be one from after the migration
            copy.unlink()
            return None
        # One copy is enough for a migration that fails repeatedly; older copies are worth more. A
        # newer one is that of a program that started at the same time, and deletes this one.
        for same in folder.glob(of_schema):
            if same.name < copy.name:
                same.unlink(missing_ok=True)
        for old in sorted(folder.glob(f"{database.stem}-*{database.suffix}"))[:-KEPT]:
            old.unlink(missing_ok=True)
    return copy


@dataclass(frozen=True, slots=True)
class _FileState:
    """What changes with each change of a SQLite database; a copy is given that of its original."""

    bytes: int
    modified_ns: int


def _state_of(file: Path) -> _FileState | None:
    """The state of a database's file; None if there may be changes that are not in it yet."""
    log = file.with_name(f"{file.name}-wal")
    if log.is_file() and log.stat().st_size:
        return None
    known = file.stat()
    return _FileState(known.st_size, known.st_mtime_ns)


def _forget_half_copies(folder: Path) -> None:
    """Delete unfinished copies of programs that were killed: old ones, and all but a few.

    Bot and engines start together, and each copies.
    """
    halves: list[tuple[float, Path]] = []
    for half in folder.glob(f"*{TEMPORARY}*"):
        with contextlib.suppress(OSError):
            halves.append((half.stat().st_mtime, half))
    newest = sorted(halves)[-KEPT:]
    for written_at, half in halves:
        kept_seconds = _ABANDONED_SECONDS if (written_at, half) in newest else _WRITTEN_SECONDS
        if time.time() - written_at > kept_seconds:
            with contextlib.suppress(OSError):
                half.unlink()
