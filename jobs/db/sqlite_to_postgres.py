"""Moves the rows of a SQLite database into PostgreSQL."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from common.settings import Settings
from jobs.db import schema
from jobs.db.asynchronous import AsyncConnection
from jobs.db.database import Database, Transaction
from jobs.db.migrate import migrate
from jobs.outcomes import QueueError

_AT_ONCE = 1000
"""Rows that are held in memory at once."""
_SAID = 300
_GIVEN = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name")


async def copy_to_postgres(source: Path, settings: Settings) -> None:
    """Create the tables in an empty PostgreSQL database and fill them, in one transaction.

    Args:
        source: a copy of a SQLite database that nobody uses; it is migrated to this version.
        settings: name the PostgreSQL database.

    Raises:
        QueueError: when a database cannot be used, or PostgreSQL refuses a row.
    """
    old = Database(
        f"sqlite+aiosqlite:///{quote(source.as_posix(), safe='/:')}", without_timeouts=True
    )
    new = Database(settings.database_url, without_timeouts=True)
    try:
        await migrate(old, settings.model_copy(update={"atelier_migrate_without_copy": True}))
        await migrate(new, settings)
        async with old.read() as connection, new.write() as transaction:
            for table in schema.metadata.sorted_tables:
                async for rows in _in_parts(connection, table):
                    await transaction.execute(sa.insert(table), rows)
                await _number_on(connection, transaction, table)
    except sa.exc.DBAPIError as error:
        said = " ".join(str(error.orig).split())[:_SAID]
        raise QueueError(f"PostgreSQL does not take what SQLite held: {said}") from error
    finally:
        await old.close()
        await new.close()


async def _in_parts(
    connection: AsyncConnection, table: sa.Table
) -> AsyncIterator[list[dict[str, Any]]]:
    """All rows of a table in batches, ordered by primary key."""
    key = tuple(table.primary_key)
    some = sa.select(table).order_by(*key).limit(_AT_ONCE)
    rows = (await connection.execute(some)).mappings().all()
    while rows:
        yield [dict(row) for row in rows]
        last = (sa.literal(rows[-1][column.name], column.type) for column in key)
        beyond = some.where(sa.tuple_(*key) > sa.tuple_(*last))
        rows = (await connection.execute(beyond)).mappings().all()


async def _number_on(
    connection: AsyncConnection, transaction: Transaction, table: sa.Table
) -> None:
    """Continue a table's sequence after the highest ID ever given, as SQLite recorded it."""
    if table.autoincrement_column is None:
        return
    column = table.autoincrement_column
    given = await connection.scalar(_GIVEN, {"name": table.name}) or 0
    here = await connection.scalar(sa.select(sa.func.max(column))) or 0
    sequence = sa.func.pg_get_serial_sequence(table.name, column.name)
    following = sa.func.setval(sequence, max(given, here) + 1, False)
    await transaction.execute(sa.select(following))
