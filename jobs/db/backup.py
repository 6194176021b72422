"""A copy of the database and the pictures that it names, while they are in use."""

import io
import sqlite3
import tarfile
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from common.files import private_folder
from common.settings import Settings
from common.store import PictureMissingError, PictureStore
from jobs.db.addresses import parse_address
from jobs.db.copying import copy_sqlite
from jobs.db.migrate import NO_DATABASE
from jobs.outcomes import QueueError

DATABASE_NAME = "atelier.sqlite3"
PICTURES = "pictures/"
_NAMED = (
    "SELECT key FROM picture_uses UNION SELECT picture_key FROM user_styles "
    "UNION SELECT key FROM intake_uses"
)


@dataclass(frozen=True, slots=True)
class BackupCounts:
    """What a backup holds."""

    bytes: int
    pictures: int
    missing: int
    """Pictures that the database names and the store does not have."""


def backup(settings: Settings, destination: Path, *, pictures: bool = True) -> BackupCounts:
    """Copy the database, and the pictures that it names, into one new file.

    The database is copied as it is at one moment, the pictures after it. The file is a tar, or
    without pictures the SQLite database itself; it is there whole or not at all, and only the
    user that runs this may read it.

    Raises:
        QueueError: when the file exists already or cannot be written, or the database is not
            SQLite or not there.
        StorageUnavailableError: when the pictures cannot be read.
    """
    source = sqlite_file(settings)
    if not source.is_file():
        raise QueueError(NO_DATABASE.format(path=source))
    if destination.is_dir():
        raise QueueError(f"{destination} is a folder; please name a new file in it.")
    if destination.exists():
        raise QueueError(f"{destination} is there already; please name a new file.")
    try:
        if pictures:
            return _with_pictures(source, PictureStore(settings.storage_url), destination)
        copy_sqlite(source, destination)
    except OSError as error:
        reason = error.strerror or str(error)
        raise QueueError(f"{destination} cannot be written: {reason}.") from error
    return BackupCounts(destination.stat().st_size, 0, 0)


def sqlite_file(settings: Settings) -> Path:
    """Where the SQLite database is.

    Raises:
        QueueError: when it is PostgreSQL.
    """
    url = parse_address(settings.database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        raise QueueError(
            "This database is PostgreSQL; please make its backups with pg_dump, and after "
            "pg_restore use `python -m jobs restored`."
        )
    return Path(url.database)


def _with_pictures(source: Path, store: PictureStore, destination: Path) -> BackupCounts:
    private_folder(destination.parent)
    partial = destination.with_name(destination.name + ".part")
    count, missing = 0, 0
    try:
        with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".backup-") as folder:
            copy = Path(folder) / DATABASE_NAME
            copy_sqlite(source, copy)
            with closing(sqlite3.connect(copy)) as connection:
                keys = [str(key) for (key,) in connection.execute(_NAMED)]
            partial.touch(mode=0o600)
            with tarfile.open(partial, "w") as archive:
                archive.add(copy, DATABASE_NAME)
                for key in keys:
                    try:
                        data = store.get_sync(key)
                    except PictureMissingError:
                        missing += 1  # deleted meanwhile, or never there
                        continue
                    entry = tarfile.TarInfo(PICTURES + key)
                    entry.size = len(data)
                    archive.addfile(entry, io.BytesIO(data))
                    count += 1
        partial.replace(destination)
    finally:
        partial.unlink(missing_ok=True)
    return BackupCounts(destination.stat().st_size, count, missing)
