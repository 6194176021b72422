"""Migrates a database to this version, or refuses one of a newer version."""

import asyncio
import contextlib
import logging
import sqlite3
import time
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from common.files import close_to_others, path_exists
from common.settings import Settings
from jobs.db import schema
from jobs.db.asynchronous import AsyncConnection
from jobs.db.connecting import BUSY_TIMEOUT_SECONDS, SQLITE_ERRORS
from jobs.db.copying import keep_before_migration
from jobs.db.database import Database
from jobs.db.liveness import BotInfo, bots_alive, engines_alive_in_any_schema, has_ended
from jobs.db.other_programs import REVISION_TABLE, refuse_other_programs
from jobs.model import EngineInfo
from jobs.outcomes import (
    DatabaseTooNewError,
    DatabaseTooOldError,
    NoDatabaseError,
    QueueUnavailableError,
)

if TYPE_CHECKING:
    from alembic.config import Config

log = logging.getLogger(__name__)

NO_DATABASE = (
    "There is no database at {path}. The bot makes it when it first starts. If it has, run this in "
    "the folder where you start the bot, with the same ATELIER_DATA_DIR."
)
NO_TABLES = "The database has no tables yet; the bot makes them when it starts."
_CLOSED = "The folder {folder} cannot be read ({reason}): run this as the user who runs the bot."
_SCRIPTS = Path(__file__).parent / "migrations"
_VERSIONS = sa.table(REVISION_TABLE, sa.column("version_num", sa.String))


def migration_config() -> "Config":
    """Alembic's configuration, without a file."""
    # Imported only where a database is migrated, since it takes memory and time.
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", _SCRIPTS.as_posix().replace("%", "%%"))
    return config


@lru_cache(maxsize=1)
def known_revisions() -> list[str]:
    """All schema revisions of this version, oldest first, from the file names."""
    files = sorted((_SCRIPTS / "versions").glob("[0-9]*.py"))
    return [file.stem.partition("_")[0] for file in files]


def make_folder(folder: Path) -> None:
    """Create a folder if it does not exist.

    Raises:
        QueueUnavailableError: when it cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise QueueUnavailableError(f"The folder {folder} cannot be made: {reason}.") from error


def is_there(file: Path) -> bool:
    """Whether the file of a SQLite database exists.

    Raises:
        QueueUnavailableError: when this user has no access to its folder.
    """
    try:
        return path_exists(file) and file.is_file()
    except OSError as error:
        reason = error.strerror or str(error)
        raise QueueUnavailableError(_CLOSED.format(folder=file.parent, reason=reason)) from error


async def is_newest(database: Database) -> bool:
    """Whether the database needs no migration; SQLite's file is made, and can be written.

    Raises:
        DatabaseTooNewError: when a newer version has migrated the database before.
        QueueUnavailableError: when the database cannot be reached.
    """
    path = database.url.database
    if not database.postgres and path:
        make_folder(Path(path).parent)
        await asyncio.to_thread(_prepare_file, path)
    async with database.read() as connection:
        return await connection.run_sync(_current) == known_revisions()[-1]


async def migrate(database: Database, settings: Settings) -> None:
    """Migrate forward to this version; other processes that start meanwhile wait.

    Everything is in one transaction, so a process that ends halfway leaves the database unchanged.
    A copy is made before, unless the settings forbid it.

    Raises:
        DatabaseTooNewError: when a newer version has migrated the database before.
        DatabaseTooOldError: when it is older, and a bot of that version is running.
        QueueError: when no copy can be made.
        QueueUnavailableError: when the database cannot be reached.
    """
    if await is_newest(database):
        return
    async with database.read() as connection:
        current = await connection.run_sync(_current)
        is_older = current not in {None, known_revisions()[-1]}
        if is_older:
            await _refuse_under_a_bot(connection, await database.now_in(connection))
    if is_older:
        log.info("the database is brought from schema %s to %s", current, known_revisions()[-1])
    if is_older and not settings.atelier_migrate_without_copy:
        has_revision = partial(_has_revision, database, current)
        copy = await keep_before_migration(
            database.url, settings.atelier_data_dir, str(current), has_revision
        )
        if copy is not None:
            log.info("as it was before, the database is in %s", copy)
    async with database.write() as transaction:
        await transaction.lock("atelier-migration")
        current = await transaction.connection.run_sync(_current)
        if current not in {None, known_revisions()[-1]}:
            await _refuse_under_a_bot(transaction.connection, transaction.now)
        await transaction.connection.run_sync(_upgrade)
    if is_older:
        log.info("the database is of this version now")


async def _has_revision(database: Database, revision: str | None) -> bool:
    async with database.read() as connection:
        return await connection.run_sync(_current) == revision


async def _refuse_under_a_bot(connection: AsyncConnection, now: float) -> None:
    """Refuse to migrate while a bot or engine of the older version is running.

    Bots of 0.1.0 had no heartbeats, but their engines did. No such engine may remain, either: it
    would fail the jobs of this version.
    """
    tables = await connection.run_sync(lambda known: sa.inspect(known).get_table_names())
    running: Sequence[tuple[str, BotInfo | EngineInfo]]
    if schema.bots.name in tables:
        stop = "Stop the bot"
        bots = [bot.info for bot in await bots_alive(connection, now)]
        running = [(f"A bot of version {bot.version}", bot) for bot in bots]
    else:
        stop = "Stop its bot and all engines"
        engines = await engines_alive_in_any_schema(connection, now)
        running = [("An engine of an older version", engine) for engine in engines]
    for what, one in running:
        if not has_ended(one):
            raise DatabaseTooOldError(
                f"{what} (process {one.pid} on {one.host}) uses this database, which this version "
                f"would have to migrate. {stop} first; one that was killed is forgotten after a "
                "minute."
            )


async def require_newest(database: Database) -> None:
    """Raise unless the database has exactly this version's schema; never migrates.

    Raises:
        DatabaseTooNewError: when a newer version has migrated the database before.
        DatabaseTooOldError: when it is of an older version.
        NoDatabaseError: when it does not exist, or has no tables.
        QueueUnavailableError: when the database cannot be reached.
    """
    path = database.url.database
    if not database.postgres and path and not await asyncio.to_thread(is_there, Path(path)):
        raise NoDatabaseError(NO_DATABASE.format(path=path))
    async with database.read() as connection:
        current = await connection.run_sync(_current)
    newest = known_revisions()[-1]
    if current is None:
        raise NoDatabaseError(NO_TABLES)
    if current != newest:
        raise DatabaseTooOldError(
            f"The database has schema {current}, and this version of Atelier needs {newest}. The "
            "bot and the engines bring it there when they start; make a backup before."
        )


async def newer_schema(connection: AsyncConnection) -> str | None:
    """The database's schema revision, if it is newer than this version's; else None."""
    found = await connection.scalar(sa.select(_VERSIONS.c.version_num))
    return None if found is None or found in known_revisions() else str(found)


def _current(connection: sa.Connection) -> str | None:
    """The database's schema revision; None if it has none.

    Raises:
        DatabaseAddressError: when it is another program's.
        DatabaseTooNewError: when it is of a newer version.
    """
    current: str | None = None
    if sa.inspect(connection).has_table(_VERSIONS.name):
        current = connection.scalar(sa.select(_VERSIONS.c.version_num))
    known = known_revisions()
    if current is not None and current not in known:
        refuse_other_programs(current)
        raise DatabaseTooNewError(
            f"The database has schema {current}, and this version of Atelier knows schemas up "
            f"to {known[-1]}. Start the newer version again, or restore a backup made before it."
        )
    return current


def _upgrade(connection: sa.Connection) -> None:
    current = _current(connection)
    if current == known_revisions()[-1]:
        return
    if current is None:
        refuse_other_programs(None, sa.inspect(connection).get_table_names())
    from alembic import command  # noqa: PLC0415 (see `migration_config`)

    config = migration_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _prepare_file(path: str) -> None:
    """Enable SQLite's write-ahead log, so that readers and the writer do not block each other.

    Also takes the write lock for a moment, since a file that cannot be written is of no use. The
    mode is stored in the file. Changing it needs exclusive access and does not wait, so
    processes that start together on a new file may have to try more than once.
    """
    with contextlib.suppress(OSError):  # SQLite's own error is clearer
        if not Path(path).exists():  # or its time would change, which tells whether it has
            Path(path).touch(mode=0o600)  # the log file gets the same permissions
        close_to_others(Path(path))
    give_up_at = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            with contextlib.closing(sqlite3.connect(path, timeout=1.0)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("BEGIN IMMEDIATE")
                return
        except sqlite3.OperationalError as error:
            if time.monotonic() > give_up_at or "locked" not in str(error):
                sentence = f"The database {path} cannot be used: {error}"
                raise QueueUnavailableError(sentence) from error
            time.sleep(0.05)
        except SQLITE_ERRORS as error:
            sentence = f"The database {path} cannot be read: {error}. Please restore a backup."
            raise QueueUnavailableError(sentence) from error
