"""Restores a backup, so that nothing is delivered twice, no ID reused and no job resumed."""

import errno
import shutil
import sqlite3
import tarfile
import tempfile
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from common.files import private_folder, put_in_place
from common.settings import Settings
from common.store import PictureStore, key_for
from common.store.keys import KEY
from jobs.cli.settle_restored import NUMBERED, Settled, settle
from jobs.db import postgres_copying, unfinished_restore
from jobs.db.addresses import parse_address
from jobs.db.backup import DATABASE_NAME, DUMP_NAME, PICTURES, sqlite_file
from jobs.db.connecting import SQLITE_ERRORS
from jobs.db.copying import time_stamp
from jobs.db.migrate import known_revisions
from jobs.db.sqlite_to_postgres import copy_to_postgres
from jobs.outcomes import QueueError
from jobs.queue import JobQueue

IN_USE = "The database is in use; please stop the bot and all engines first."
_SQLITE = b"SQLite format 3\0"
"""First bytes of a SQLite file."""
_FILES = ("", "-wal", "-shm")
"""Endings of the files of a SQLite database."""
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
_Loaded = tuple[int, dict[str, int] | None, Path | None]
"""Number of pictures, highest IDs given before, and where the previous database is now."""


@dataclass(frozen=True, slots=True)
class Restored:
    """The result of a restore."""

    pictures: int
    aside: Path | None
    """Where the previous database is; a dump if it is PostgreSQL."""
    settled: Settled | None
    """None after a move, where jobs continue."""


async def restore(settings: Settings, source: Path, *, moves: bool) -> Restored:
    """Restore a backup of `jobs.db.backup` into a data folder that nobody uses.

    Args:
        settings: the destination; a SQLite backup may go into PostgreSQL, and pictures of a folder
            into a bucket.
        source: the backup.
        moves: whether nothing has happened since it was made, so that jobs continue.

    Raises:
        QueueError: when the file is not a backup, or a bot or an engine uses the database; or with
            `moves`, when the destination has jobs already.
        StorageUnavailableError: when the pictures cannot be written.
    """
    database = sqlite_file(settings)
    is_second = unfinished_restore.is_noted(settings.atelier_data_dir)
    if database is None:
        pictures, highest, aside = await _load_postgres(settings, source, moves=moves)
    else:
        pictures, highest, aside = _load_sqlite(settings, source, database, moves=moves)
    try:
        async with await JobQueue.open(settings, restores=True) as queue:
            # The highest IDs are those of the database before one whose restore was cut off.
            known = None if is_second else highest
            settled = None if moves else await settle(queue, known)
    except BaseException:  # a bot would deliver again what is not settled
        if database is None:
            await _put_back(settings, aside)
        else:
            _put_file_back(settings, database, aside)
        raise
    unfinished_restore.end(settings.atelier_data_dir)
    return Restored(pictures, aside, settled)


def _load_sqlite(settings: Settings, source: Path, database: Path, *, moves: bool) -> _Loaded:
    private_folder(database.parent)
    _refuse_in_use(database)
    highest = _highest_numbers(database)
    if moves and database.is_file():
        _refuse_numbered(highest)
    with tempfile.TemporaryDirectory(dir=database.parent, prefix=".restore-") as folder:
        pictures = _unpacked(source, Path(folder), settings, DATABASE_NAME)
        _check_sqlite(Path(folder) / DATABASE_NAME)
        aside = _aside_name(database)
        if not moves:
            unfinished_restore.begin(settings.atelier_data_dir, aside)
        if aside is not None:
            _rename(database, aside)
        put_in_place(Path(folder) / DATABASE_NAME, database)
    return pictures, highest, aside


async def _load_postgres(settings: Settings, source: Path, *, moves: bool) -> _Loaded:
    """The previous content is kept as a dump in the data folder."""
    url, data = parse_address(settings.database_url), settings.atelier_data_dir
    private_folder(data)
    highest = await _highest_of_postgres(url)
    if moves and highest is not None:
        _refuse_numbered(highest)
    aside = None if highest is None else data / "before-restores" / f"atelier-{time_stamp()}.dump"
    with tempfile.TemporaryDirectory(dir=data, prefix=".restore-") as folder:
        dump, sqlite = Path(folder) / DUMP_NAME, Path(folder) / DATABASE_NAME
        pictures = _unpacked(source, Path(folder), settings, DUMP_NAME, DATABASE_NAME)
        if sqlite.exists():
            _check_sqlite(sqlite)
        else:
            await postgres_copying.check(url, dump)
            _refuse_newer(postgres_copying.revision_in(dump))
        if aside is not None:
            await postgres_copying.dump(url, aside)
        if not moves:
            unfinished_restore.begin(data, aside)
        try:
            if sqlite.exists():
                await postgres_copying.clear(url)
                await copy_to_postgres(sqlite, settings)
            else:
                await postgres_copying.load(url, dump)
        except BaseException:  # an interrupt or a full disk, too, must not leave it empty
            await _put_back(settings, aside)
            raise
    return pictures, highest, aside


async def _put_back(settings: Settings, aside: Path | None) -> None:
    """Load the previous content of a PostgreSQL database again; None: it had none.

    Raises:
        QueueError: when that fails as well, as the server may be gone; it says where the dump is.
    """
    url = parse_address(settings.database_url)
    try:
        if aside is None:
            await postgres_copying.clear(url)
        else:
            await postgres_copying.load(url, aside)
    except (QueueError, OSError) as error:
        if aside is None:
            raise
        raise QueueError(
            f"{error} The database that was there before is in {aside}; restore that file once the "
            "server works again."
        ) from error
    unfinished_restore.end_undone(settings.atelier_data_dir, aside)


def _refuse_numbered(highest: dict[str, int] | None) -> None:
    """Refuse to move into a database with jobs, as IDs would be given twice."""
    if highest is None or any(highest.values()):
        raise QueueError(
            "This database already has jobs, and a move needs an empty one; without "
            "--move the backup takes their place."
        )


async def _highest_of_postgres(url: sa.URL) -> dict[str, int] | None:
    """As `_highest_numbers`, for PostgreSQL; refuses a database that is in use."""
    async with postgres_copying.connected(url) as connection:
        if await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND application_name IN ('atelier', current_setting('application_name')) "
            "AND pid <> pg_backend_pid()"
        ):
            raise QueueError(IN_USE)
        highest: dict[str, int] = {}
        for table in NUMBERED:
            if await connection.fetchval("SELECT to_regclass($1)", table.name) is None:
                return None
            number = await connection.fetchval(f"SELECT max(id) FROM {table.name}")  # noqa: S608 - our own names
            highest[table.name] = number or 0
        return highest


def _unpacked(source: Path, folder: Path, settings: Settings, *names: str) -> int:
    """Unpack pictures into the store and the database into a folder; returns their number."""
    try:
        count = _unpack(source, folder, PictureStore(settings.storage_url), names[0])
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise _unreadable(source, error.strerror or str(error)) from error
        raise QueueError(
            f"There is no room to restore {source}: {error.strerror}. Nothing was changed."
        ) from error
    except tarfile.TarError as error:
        raise _unreadable(source, str(error)) from error
    found = [folder / name for name in names if (folder / name).exists()]
    if not found:
        raise QueueError(
            f"{source} contains no database of the kind that ATELIER_DATABASE_URL names."
        )
    found[0].chmod(0o600)
    return count


def _unreadable(source: Path, reason: str) -> QueueError:
    return QueueError(f"{source} cannot be read as a backup: {reason}.")


def _unpack(source: Path, folder: Path, store: PictureStore, name: str) -> int:
    if not tarfile.is_tarfile(source):
        shutil.copyfile(source, folder / (DATABASE_NAME if _is_sqlite(source) else name))
        return 0
    count, size_bytes = 0, source.stat().st_size
    with tarfile.open(source, "r:") as archive:
        for entry in archive:
            if entry.isdir():
                continue
            key = entry.name.removeprefix(PICTURES)  # nothing is written to a path in the archive
            is_database = entry.name in {DATABASE_NAME, DUMP_NAME}
            file = archive.extractfile(entry) if entry.isreg() else None
            if file is None or not (is_database or KEY.fullmatch(key)):
                raise _unreadable(source, f"it contains {entry.name!r}")
            if entry.size > size_bytes:  # as much memory would be taken before it is read
                raise _unreadable(source, "unexpected end of data")
            if is_database:
                with (folder / entry.name).open("wb") as database:
                    shutil.copyfileobj(file, database)
                continue
            data = file.read()
            if key != key_for(data, key.rpartition(".")[2]):
                raise QueueError(f"{source} is damaged: {entry.name} is not what it was.")
            store.put_sync(data, key.rpartition(".")[2])
            count += 1
    return count


def _is_sqlite(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(_SQLITE)) == _SQLITE


def _check_sqlite(database: Path) -> None:
    try:
        with closing(sqlite3.connect(database)) as connection:
            problem = connection.execute("PRAGMA quick_check").fetchone()[0]
            revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except SQLITE_ERRORS as error:
        raise QueueError(f"The backup contains no database of Atelier: {error}") from error
    if problem != "ok":
        raise QueueError(f"The backup's database is damaged: {problem}.")
    _refuse_newer(None if revision is None else str(revision[0]))


def _refuse_newer(revision: str | None) -> None:
    """Refuse a backup that this version could not open once it is in place."""
    known = known_revisions()
    if revision is None:
        raise QueueError("The backup contains no database of Atelier.")
    if revision not in known:
        raise QueueError(
            f"The backup has schema {revision}, and this version of Atelier knows schemas up to "
            f"{known[-1]}: restore it with the version that made it. Nothing was changed."
        )


def _refuse_in_use(database: Path) -> None:
    """Refuse a database that another process has open, which would go on with the renamed file.

    Raises:
        QueueError: when another process has it open. That is a separate engine, as running bots are
            refused before.
    """
    if not database.is_file():
        return
    with closing(sqlite3.connect(database, timeout=1)) as connection:
        try:  # only the last user can leave WAL mode
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("PRAGMA journal_mode = WAL")
        except SQLITE_ERRORS as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
                raise QueueError(IN_USE) from error  # else it is damaged: restore anyway


def _highest_numbers(database: Path) -> dict[str, int] | None:
    """The highest IDs of the existing database; None if it cannot be read."""
    if not database.is_file():
        return None
    with suppress(*SQLITE_ERRORS), closing(sqlite3.connect(database)) as connection:
        return {
            table.name: connection.execute(f"SELECT max(id) FROM {table.name}").fetchone()[0] or 0  # noqa: S608 - our own names
            for table in NUMBERED
        } | dict(connection.execute("SELECT name, seq FROM sqlite_sequence").fetchall())
    return None


def _aside_name(database: Path) -> Path | None:
    """What the existing database is renamed to, so that a mistake can be undone."""
    if not database.exists():
        return None
    return database.with_name(f"{database.name}.replaced-{time_stamp()}")


def _put_file_back(settings: Settings, database: Path, aside: Path | None) -> None:
    """Rename the previous SQLite database back; None: there was none."""
    for ending in reversed(_FILES):
        database.with_name(database.name + ending).unlink(missing_ok=True)
    if aside is not None:
        _rename(aside, database)
    unfinished_restore.end_undone(settings.atelier_data_dir, aside)


def _rename(database: Path, new: Path) -> None:
    for ending in _FILES:
        with suppress(FileNotFoundError):
            database.with_name(database.name + ending).replace(new.with_name(new.name + ending))
