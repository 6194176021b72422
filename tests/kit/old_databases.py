"""Databases of earlier versions, as tests migrate them."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command

from jobs.db.database import Database
from jobs.db.migrate import migration_config
from tests.kit.samples import Storage

SCHEMAS = Path(__file__).parents[1] / "jobs" / "schemas"
"""Databases of the first schema, of each release and of the next one, as SQL."""


def make_version(revision: str, storage: Storage) -> None:
    """Make a SQLite database of a revision: from its file, or migrated from an earlier one."""
    files = sorted(path for path in SCHEMAS.glob("*.sql") if path.stem <= revision)
    with contextlib.closing(sqlite3.connect(storage.sqlite_file)) as connection:
        connection.executescript(files[-1].read_text())
    if files[-1].stem != revision:
        engine = sa.create_engine(f"sqlite:///{storage.sqlite_file}")
        with engine.begin() as connection:
            upgrade(connection, revision)
        engine.dispose()


def upgrade(connection: sa.Connection, revision: str) -> None:
    config = migration_config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


async def copy_to_postgresql(source: Path, url: str, revision: str) -> None:
    """Create the tables of this schema in PostgreSQL, and copy the rows from SQLite."""

    def fill(connection: sa.Connection) -> None:
        upgrade(connection, revision)
        metadata = sa.MetaData()
        metadata.reflect(connection)
        with contextlib.closing(sqlite3.connect(source)) as old:
            old.row_factory = sqlite3.Row
            for table in metadata.sorted_tables:
                rows = [dict(row) for row in old.execute(f"SELECT * FROM {table.name}")]
                if rows and table.name != "alembic_version":
                    connection.execute(
                        sa.insert(table), [with_booleans(table, row) for row in rows]
                    )
                if "id" in table.c and table.c.id.type.python_type is int:
                    following = f"(SELECT max(id) + 1 FROM {table.name})"
                    sequence = f"pg_get_serial_sequence('{table.name}', 'id')"
                    connection.execute(sa.text(f"SELECT setval({sequence}, {following}, false)"))

    database = Database(url)
    async with database.write() as transaction:
        await transaction.connection.run_sync(fill)
    await database.close()


def with_booleans(table: sa.Table, row: dict[str, Any]) -> dict[str, Any]:
    """SQLite stores booleans as numbers."""
    flags = {column.name for column in table.c if isinstance(column.type, sa.Boolean)}
    return {name: bool(value) if name in flags else value for name, value in row.items()}
