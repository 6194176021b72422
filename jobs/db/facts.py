"""Facts about the database as a whole: a small key-value table."""

import sqlalchemy as sa

from jobs.db import schema
from jobs.db.asynchronous import AsyncConnection
from jobs.db.database import Transaction


async def read_fact(connection: AsyncConnection, name: str) -> str | None:
    """The value of a fact, or None."""
    columns = schema.installation.c
    value = sa.select(columns.value).where(columns.name == name)
    fact: str | None = await connection.scalar(value)
    return fact


async def seconds_since(connection: AsyncConnection, name: str, now: float) -> float | None:
    """Seconds since the time stored in a fact; None if unknown."""
    at = await read_fact(connection, name)
    try:
        return None if at is None else now - float(at)
    except ValueError:
        return None  # another version wrote it


async def forget_fact(transaction: Transaction, name: str) -> None:
    """Delete a fact."""
    table = schema.installation
    await transaction.execute(sa.delete(table).where(table.c.name == name))


async def write_fact(transaction: Transaction, name: str, value: str) -> None:
    """Set a fact."""
    await transaction.replace(schema.installation, {"name": name}, value=value)
