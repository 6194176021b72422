"""A copy of the database while it is in use."""

import contextlib
import sqlite3
from pathlib import Path

from common.settings import Settings
from jobs.db.addresses import parse_address
from jobs.db.migrate import NO_DATABASE
from jobs.outcomes import QueueError

_PAGES_AT_A_TIME = 256
"""Between two portions others may write."""


def backup(settings: Settings, destination: Path) -> int:
    """Copy the SQLite database to a new file with SQLite's online backup; its bytes.

    The copy is one consistent moment, and is there whole or not at all.

    Raises:
        QueueError: when the file exists already or cannot be written, or the database is not
            SQLite or not there.
    """
    url = parse_address(settings.database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        raise QueueError("This database is PostgreSQL; please make its backups with pg_dump.")
    source = Path(url.database)
    if not source.is_file():
        raise QueueError(NO_DATABASE.format(path=source))
    if destination.is_dir():
        raise QueueError(f"{destination} is a folder; please name a new file in it.")
    if destination.exists():
        raise QueueError(f"{destination} is there already; please name a new file.")
    try:
        return _copy(source, destination)
    except OSError as error:
        reason = error.strerror or str(error)
        raise QueueError(f"{destination} cannot be written: {reason}.") from error


def _copy(source: Path, destination: Path) -> int:
    destination.parent.mkdir(parents=True, exist_ok=True)
    partial = destination.with_name(destination.name + ".part")
    partial.unlink(missing_ok=True)
    try:
        with (
            contextlib.closing(sqlite3.connect(source, timeout=30)) as original,
            contextlib.closing(sqlite3.connect(partial)) as copy,
        ):
            original.backup(copy, pages=_PAGES_AT_A_TIME)
            copy.execute("PRAGMA journal_mode = DELETE")
            problem = copy.execute("PRAGMA quick_check").fetchone()[0]
        if problem != "ok":
            raise QueueError(f"The copy is damaged: {problem}. Is the disk failing?")
        partial.replace(destination)
    except sqlite3.Error as error:
        raise QueueError(f"The backup could not be made: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return destination.stat().st_size
