"""What is true of the database as a whole, by name: a small table."""

import sqlalchemy as sa

from jobs.db import schema
from jobs.db.asynchronous import AsyncConnection
from jobs.db.database import Transaction

SCANS_UNREACHABLE = "scans_unreachable"
"""When a painting's scan could not be fetched last."""


async def read_fact(transaction: Transaction, name: str) -> str | None:
    """What stands under a name."""
    columns = schema.installation.c
    value = sa.select(columns.value).where(columns.name == name)
    fact: str | None = await transaction.scalar(value)
    return fact


async def seconds_since(connection: AsyncConnection, name: str, now: float) -> float | None:
    """How long ago something happened; None where that is not known."""
    columns = schema.installation.c
    at = await connection.scalar(sa.select(columns.value).where(columns.name == name))
    try:
        return None if at is None else now - float(at)
    except ValueError:
        return None  # another version wrote it


async def forget_fact(transaction: Transaction, name: str) -> None:
    """Let nothing stand under a name."""
    table = schema.installation
    await transaction.execute(sa.delete(table).where(table.c.name == name))


async def write_fact(transaction: Transaction, name: str, value: str) -> None:
    """Let something stand under a name, instead of what stood there."""
    await transaction.replace(schema.installation, {"name": name}, value=value)
