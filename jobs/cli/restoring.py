"""Bringing a backup back, so that nothing is told twice, numbered twice or brought back to life."""

import errno
import json
import shutil
import sqlite3
import tarfile
import tempfile
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import sqlalchemy as sa

from common.files import private_folder
from common.settings import Settings
from common.store import PictureStore, key_for
from jobs.changing.audit import COMMAND_LINE
from jobs.changing.erasures import erased_since
from jobs.changing.installation import RESTORED_AT
from jobs.core import record
from jobs.db import postgres_copying, schema
from jobs.db.addresses import parse_address
from jobs.db.backup import DATABASE_NAME, DUMP_NAME, PICTURES, sqlite_file
from jobs.db.copying import time_stamp
from jobs.db.database import Transaction
from jobs.db.facts import write_fact
from jobs.db.rows import IS_WAITING, J
from jobs.entering.limits import EVERYWHERE
from jobs.model import JobState
from jobs.order.fairness import leave_place
from jobs.outcomes import QueueError
from jobs.queue import JobQueue
from jobs.working.ending import end_job

IN_USE = "The database is in use; please stop the bot and all engines first."
UNKNOWN_NUMBERS = 10_000
"""So many numbers are left out where nobody knows which were given after the backup."""
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
_NUMBERED = (schema.jobs, schema.audit)
"""Tables whose numbers members have seen, or which stand in buttons."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did."""

    pictures: int
    ended_jobs: int
    """Jobs that waited or were painted when the backup was made."""
    erased_users: int
    """Members who had everything erased after it."""
    aside: Path | None
    """Where the database is that was there before; of PostgreSQL a dump of it."""


_Loaded = tuple[int, dict[str, int] | None, Path | None]
"""How many pictures, the highest numbers given before, and where what was there is now."""


async def restore(settings: Settings, source: Path) -> Restored:
    """Bring a backup of `jobs.db.backup` back, into a data folder that nobody uses.

    Raises:
        QueueError: when the file is none, or a bot or an engine uses the database.
        StorageUnavailableError: when the pictures cannot be written.
    """
    database = sqlite_file(settings)
    if database is None:
        pictures, highest, aside = await _load_postgres(settings, source)
    else:
        pictures, highest, aside = _load_sqlite(settings, source, database)
    async with await JobQueue.open(settings) as queue:
        return replace(await settle(queue, highest), pictures=pictures, aside=aside)


def _load_sqlite(settings: Settings, source: Path, database: Path) -> _Loaded:
    private_folder(database.parent)
    _refuse_in_use(database)
    highest = _highest_numbers(database)
    with tempfile.TemporaryDirectory(dir=database.parent, prefix=".restore-") as folder:
        pictures = _unpacked(source, Path(folder), settings, DATABASE_NAME)
        _check_sqlite(Path(folder) / DATABASE_NAME)
        aside = _set_aside(database)
        (Path(folder) / DATABASE_NAME).replace(database)
    return pictures, highest, aside


async def _load_postgres(settings: Settings, source: Path) -> _Loaded:
    """What was there is kept as a dump in the data folder."""
    url, data = parse_address(settings.database_url), settings.atelier_data_dir
    aside = data / "before-restores" / f"atelier-{time_stamp()}.dump"
    private_folder(data)
    with tempfile.TemporaryDirectory(dir=data, prefix=".restore-") as folder:
        pictures = _unpacked(source, Path(folder), settings, DUMP_NAME)
        dump = Path(folder) / DUMP_NAME
        postgres_copying.check(dump)
        highest = await _highest_of_postgres(url)
        await postgres_copying.dump(url, aside)
        try:
            await postgres_copying.load(url, dump)
        except QueueError:
            await postgres_copying.load(url, aside)
            raise
    return pictures, highest, aside


async def _highest_of_postgres(url: sa.URL) -> dict[str, int] | None:
    """As `_highest_numbers`; refuses a database that is in use."""
    async with postgres_copying.connected(url) as connection:
        if await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND application_name = 'atelier' AND pid <> pg_backend_pid()"
        ):
            raise QueueError(IN_USE)
        highest: dict[str, int] = {}
        for table in _NUMBERED:
            if await connection.fetchval("SELECT to_regclass($1)", table.name) is None:
                return None
            number = await connection.fetchval(f"SELECT max(id) FROM {table.name}")  # noqa: S608 - our own names
            highest[table.name] = number or 0
        return highest


async def settle(queue: JobQueue, highest: dict[str, int] | None = None) -> Restored:
    """Let a database that was just restored say what is true now.

    What waited has ended, nothing is delivered any more, whoever had their data erased since is
    erased again, numbers go on after those that were given, and nothing is deleted for a day.

    Args:
        queue: on that database.
        highest: the highest number of each table that was given since, where that is known.
    """
    newest = await _newest(queue)
    async with queue.database.write() as transaction:
        await write_fact(transaction, RESTORED_AT, str(transaction.now))
        ended = await _end_all(transaction)
        await _skip_numbers(transaction, highest, {"count": ended})
    erased = erased_since(queue.settings.atelier_data_dir, newest)
    for user_id in erased:
        await queue.privacy.erase_user(user_id)
    return Restored(0, ended, len(erased), None)


def _unpacked(source: Path, folder: Path, settings: Settings, name: str) -> int:
    """Put the pictures into the store, the database into the folder; how many pictures."""
    try:
        count = _unpack(source, folder, PictureStore(settings.storage_url), name)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise _unreadable(source, error.strerror or str(error)) from error
        raise QueueError(
            f"There is no room to bring {source} back: {error.strerror}. What is there is as it "
            "was."
        ) from error
    except tarfile.TarError as error:
        raise _unreadable(source, str(error)) from error
    if not (folder / name).exists():
        raise QueueError(f"{source} holds no database of the kind that ATELIER_DATABASE_URL names.")
    (folder / name).chmod(0o600)
    return count


def _unreadable(source: Path, reason: str) -> QueueError:
    return QueueError(f"{source} cannot be read as a backup: {reason}.")


def _unpack(source: Path, folder: Path, store: PictureStore, name: str) -> int:
    if not tarfile.is_tarfile(source):
        shutil.copyfile(source, folder / name)
        return 0
    count = 0
    with tarfile.open(source, "r:") as archive:
        for entry in archive:
            file = archive.extractfile(entry)  # nothing is unpacked to where the archive says
            if file is None:
                continue
            if entry.name in {DATABASE_NAME, DUMP_NAME}:
                with (folder / entry.name).open("wb") as database:
                    shutil.copyfileobj(file, database)
                continue
            key = entry.name.removeprefix(PICTURES)
            data = file.read()
            if key != key_for(data, key.rpartition(".")[2]):
                raise QueueError(f"{source} is damaged: {entry.name} is not what it was.")
            store.put_sync(data, key.rpartition(".")[2])
            count += 1
    return count


def _check_sqlite(database: Path) -> None:
    try:
        with closing(sqlite3.connect(database)) as connection:
            problem = connection.execute("PRAGMA quick_check").fetchone()[0]
            connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise QueueError(f"The backup holds no database of Atelier: {error}") from error
    if problem != "ok":
        raise QueueError(f"The backup's database is damaged: {problem}.")


def _refuse_in_use(database: Path) -> None:
    """Leave a database alone that another process has open: it would go on with the renamed one.

    Raises:
        QueueError: when one has; an engine of its own, as the bot is refused before.
    """
    if not database.is_file():
        return
    with closing(sqlite3.connect(database, timeout=1)) as connection:
        try:  # the write-ahead log is given up by its last user alone
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise QueueError(IN_USE) from error  # else it is damaged, which is why


def _highest_numbers(database: Path) -> dict[str, int] | None:
    """The highest numbers of the database that is there; None where it cannot be read."""
    if not database.is_file():
        return None
    with suppress(sqlite3.Error), closing(sqlite3.connect(database)) as connection:
        return {
            table.name: connection.execute(f"SELECT max(id) FROM {table.name}").fetchone()[0] or 0  # noqa: S608 - our own names
            for table in _NUMBERED
        } | dict(connection.execute("SELECT name, seq FROM sqlite_sequence").fetchall())
    return None


def _set_aside(database: Path) -> Path | None:
    """Rename what is there, so that a mistake can be taken back."""
    aside = database.with_name(f"{database.name}.replaced-{time_stamp()}")
    for ending in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            database.with_name(database.name + ending).replace(aside.with_name(aside.name + ending))
    return aside if aside.exists() else None


async def _newest(queue: JobQueue) -> float:
    """When the backup was made, as far as its rows say."""
    moments = (J.created_at, J.ended_at, schema.events.c.at, schema.audit.c.at)
    async with queue.database.read() as connection:
        found = [await connection.scalar(sa.select(sa.func.max(each))) for each in moments]
    return max((each for each in found if each is not None), default=0.0)


async def _end_all(transaction: Transaction) -> int:
    """End what was under way; its message may show more by now than this database knows."""
    waiting = await transaction.all(sa.select(schema.jobs).where(IS_WAITING))
    for row in waiting:
        if row.state == JobState.QUEUED:
            await leave_place(transaction, row)
        await end_job(transaction, row, JobState.CANCELLED, "operator")
        await record(transaction, row.id, "restored", "operator")
    undelivered = sa.update(schema.jobs).where(J.delivered_at.is_(None))
    await transaction.execute(
        undelivered.values(
            delivered_at=transaction.now, delivered_how="restored", shown_revision=J.revision
        )
    )
    for table in (schema.intake_uses, schema.cleared_jobs, schema.bots, schema.engines):
        await transaction.execute(sa.delete(table))
    opened = sa.update(schema.intakes).where(schema.intakes.c.closed_at.is_(None))
    await transaction.execute(opened.values(closed_at=transaction.now, payload="{}", user_id=None))
    return len(waiting)


async def _skip_numbers(
    transaction: Transaction, highest: dict[str, int] | None, details: dict[str, int]
) -> None:
    """Go on after the numbers that were given, and write the restore down."""
    given = {}
    for table in _NUMBERED:
        here = await transaction.scalar(sa.select(sa.func.max(table.c.id))) or 0
        known = None if highest is None else highest.get(table.name)
        given[table.name] = here + UNKNOWN_NUMBERS if known is None else max(here, known)
        if transaction.postgres:
            sequence = sa.func.pg_get_serial_sequence(table.name, "id")
            following = sa.func.setval(sequence, given[table.name] + 1, False)
            await transaction.execute(sa.select(following))
    if not transaction.postgres:
        # The table of jobs has a counter of its own; others go on after their last row.
        values = {"name": schema.jobs.name, "seq": given[schema.jobs.name]}
        await transaction.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :name"), values)
        inserted = sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)")
        await transaction.execute(inserted, values)
    await transaction.execute(
        sa.insert(schema.audit).values(
            **({} if transaction.postgres else {"id": given[schema.audit.name] + 1}),
            guild_id=EVERYWHERE,
            at=transaction.now,
            user_id=COMMAND_LINE,
            action="restore",
            details=json.dumps(details),
        )
    )
