"""Whether a PostgreSQL server can hold the queue, asked each time when the queue is opened."""

from typing import TYPE_CHECKING

import sqlalchemy as sa

from jobs.db.asynchronous import AsyncConnection
from jobs.db.postgres_errors import WRITE_ELSEWHERE, no_schema_error, pooler_error
from jobs.outcomes import QueueUnavailableError

if TYPE_CHECKING:
    from jobs.db.database import Database

_PID = sa.text("SELECT pg_backend_pid()")
_FACTS = sa.text(
    "SELECT pg_backend_pid() AS pid, current_setting('transaction_read_only') AS read_only, "
    "current_schema() AS schema, "
    "current_setting('server_encoding') AS encoding, "
    "to_regclass('alembic_version') IS NULL AS is_empty"
)
_ALL_TEXT = {"UTF8", "SQL_ASCII"}
"""Encodings that can hold every name and text of members."""
_ROUNDS = 3


async def check_server(database: "Database") -> None:
    """Refuse a server with which something would fail only later.

    Raises:
        DatabaseAddressError: when a pooler gives each transaction another connection.
        QueueUnavailableError: when it cannot be written or reached, or holds not every text.
    """
    async with database.read() as connection:
        facts = (await connection.execute(_FACTS)).one()
        if facts.read_only == "on":
            raise QueueUnavailableError(f"The database can only be read; {WRITE_ELSEWHERE}.")
        if facts.schema is None:
            raise no_schema_error()
        if facts.is_empty and facts.encoding not in _ALL_TEXT:
            raise QueueUnavailableError(
                f"The database is encoded in {facts.encoding}, which lacks letters that members' "
                "names have; create it with ENCODING 'UTF8' TEMPLATE template0."
            )
        raw = await connection.get_raw_connection()
        told = raw.driver_connection
        # A pooler gives each client a process ID that it made up.
        if told is not None and told.get_server_pid() != facts.pid:
            await _refuse_shared_connections(database, connection)


async def _refuse_shared_connections(database: "Database", first: AsyncConnection) -> None:
    """Refuse a pooler that gives each transaction another connection; sessions may be pooled.

    It loses notifications and prepared statements, often only under load.
    """
    seen = set()
    async with database.read() as second:
        for _ in range(_ROUNDS):
            pids = await first.scalar(_PID), await second.scalar(_PID)
            if pids[0] == pids[1]:
                raise pooler_error()
            seen.add(pids)
    if len(seen) > 1:
        raise pooler_error()
