"""What is true of the database as a whole, by name: a small table."""

import sqlalchemy as sa

from jobs.db import schema
from jobs.db.database import Transaction

SCANS_UNREACHABLE = "scans_unreachable"
"""When a painting's scan could not be fetched last."""


async def read_fact(transaction: Transaction, name: str) -> str | None:
    """What stands under a name."""
    columns = schema.installation.c
    value = sa.select(columns.value).where(columns.name == name)
    return await transaction.connection.scalar(value)


async def forget_fact(transaction: Transaction, name: str) -> None:
    """Let nothing stand under a name."""
    table = schema.installation
    await transaction.connection.execute(sa.delete(table).where(table.c.name == name))


async def write_fact(transaction: Transaction, name: str, value: str) -> None:
    """Let something stand under a name, instead of what stood there."""
    table = schema.installation
    await transaction.connection.execute(sa.delete(table).where(table.c.name == name))
    await transaction.connection.execute(sa.insert(table).values(name=name, value=value))
