"""Backup of the database and the pictures that it references, while both are in use."""

import asyncio
import io
import sqlite3
import tarfile
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from common.files import replacing
from common.settings import Settings
from common.store import PictureMissingError, PictureStore
from jobs.db import postgres_copying, schema
from jobs.db.addresses import parse_address
from jobs.db.copying import copy_sqlite
from jobs.db.migrate import NO_DATABASE, NO_TABLES, is_there
from jobs.db.other_programs import REVISION_TABLE
from jobs.outcomes import NoDatabaseError, QueueError

DATABASE_NAME = "atelier.sqlite3"
DUMP_NAME = "atelier.dump"
"""Name of a PostgreSQL dump in the archive."""
PICTURES = "pictures/"
_NAMED = str(sa.union(*(sa.select(column) for column in schema.PICTURE_KEYS)))


@dataclass(frozen=True, slots=True)
class BackupCounts:
    """Contents of a backup."""

    bytes: int
    pictures: int
    missing: int
    """Pictures that the database references and the store does not have."""


def backup(settings: Settings, destination: Path, *, pictures: bool = True) -> BackupCounts:
    """Copy the database, and the pictures that it references, into one new file.

    The database is copied as of one moment, the pictures after it. The file is a tar, or without
    pictures the SQLite database itself, or the output of `pg_dump`. It is written whole or not at
    all, and only the current user may read it.

    Args:
        settings: name the database and the store.
        destination: the new file.
        pictures: whether to include the pictures.

    Raises:
        QueueError: when the file exists already or cannot be written, the database is missing or
            not accessible, or `pg_dump` is not installed.
        StorageUnavailableError: when the pictures cannot be read.
    """
    source = sqlite_file(settings)
    if source is not None and not is_there(source):
        raise QueueError(NO_DATABASE.format(path=source))
    try:
        if destination.is_dir():
            raise QueueError(f"{destination} is a folder; please name a new file in it.")
        if destination.exists():
            raise QueueError(f"{destination} already exists; please name a new file.")
        if pictures:
            return _with_pictures(settings, source, destination)
        _copy(settings, source, destination)
    except OSError as error:
        reason = error.strerror or str(error)
        raise QueueError(f"{destination} cannot be written: {reason}.") from error
    return BackupCounts(destination.stat().st_size, 0, 0)


def sqlite_file(settings: Settings) -> Path | None:
    """The file of the SQLite database; None for PostgreSQL."""
    url = parse_address(settings.database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    return Path(url.database)


def _copy(settings: Settings, source: Path | None, destination: Path) -> list[str]:
    """Copy the database; returns the keys of the pictures that the copy references."""
    if source is None:
        return asyncio.run(_dump(parse_address(settings.database_url), destination))
    copy_sqlite(source, destination)
    with closing(sqlite3.connect(destination)) as connection:
        return [str(key) for (key,) in connection.execute(_NAMED)]


async def _dump(url: sa.URL, destination: Path) -> list[str]:
    """As `_copy`, for PostgreSQL: dump and keys are of the same snapshot."""
    async with (
        postgres_copying.connected(url) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        if await connection.fetchval("SELECT to_regclass($1)", REVISION_TABLE) is None:
            raise NoDatabaseError(NO_TABLES)
        snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
        keys = [str(row[0]) for row in await connection.fetch(_NAMED)]
        await postgres_copying.dump(url, destination, snapshot=snapshot)
    return keys


def _with_pictures(settings: Settings, source: Path | None, destination: Path) -> BackupCounts:
    store = PictureStore(settings.storage_url)
    count, missing = 0, 0
    with (
        replacing(destination) as partial,
        tempfile.TemporaryDirectory(dir=destination.parent, prefix=".backup-") as folder,
    ):
        copy = Path(folder) / (DUMP_NAME if source is None else DATABASE_NAME)
        keys = _copy(settings, source, copy)
        with tarfile.open(partial, "w") as archive:
            archive.add(copy, copy.name)
            for key in keys:
                try:
                    data = store.get_sync(key)
                except PictureMissingError:
                    missing += 1  # deleted meanwhile, or missing before
                    continue
                entry = tarfile.TarInfo(PICTURES + key)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
                count += 1
    return BackupCounts(destination.stat().st_size, count, missing)
